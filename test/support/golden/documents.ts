/** Golden documents: what a release wrote, and what it must mean to every later one. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT } from '../project.ts'

/** Where the folders of all releases are. */
export const GOLDEN_FOLDER: string = join(PROJECT, 'testdata')

/** Kinds of documents; each release has at least one of each. */
export const GOLDEN_KINDS = [
  'bundle',
  'image-signature',
  'image-attestation',
  'key-history',
  'trusted-root',
  'audit-log',
  'transparency-log',
  'checkpoint',
  'cosigned-checkpoint',
  'tlog-proof',
  'token',
  'anchor',
  'pin',
  'copy',
  'stored-leaf',
] as const

/** A kind of document. */
export type GoldenKind = (typeof GOLDEN_KINDS)[number]

/** What is demanded of a bundle beside a signature. */
export type GoldenEvidence = 'none' | 'stamped' | 'logged'

/** One document of a release. */
export interface GoldenDocument {
  readonly kind: GoldenKind
  /** In the folder of the release; a folder itself for logs and pins. */
  readonly path: string
  /** What is special about it: `ES256 file logged`. */
  readonly title: string
  readonly algorithm?: string
  readonly evidence?: GoldenEvidence
  /** Verifier keys of a checkpoint or a log, with blanks between. */
  readonly vkey?: string
}

/** A document with what reading it gave when it was made: a verdict, or the code of an error. */
export interface GoldenRecord extends GoldenDocument {
  readonly verdict: GoldenVerdict
}

/** What reading a document gives, as JSON. */
export type GoldenVerdict =
  { readonly ok: true; readonly facts: object } | { readonly ok: false; readonly code: string }

/** All documents of a release. */
export interface GoldenSet {
  readonly release: string
  /** When and how it was made. */
  readonly origin: { readonly made: string; readonly command: string; readonly keys: string }
  readonly documents: readonly GoldenRecord[]
}

/** What all documents of a release are about, and trusted by. */
export const GOLDEN_FILES = {
  set: 'golden.json',
  artifact: 'artifact.txt',
  trustKeys: 'trust-keys.json',
  history: 'history/keys.json',
  jwks: 'tokens/jwks.json',
} as const

/** Issuer and audience of the tokens. */
export const GOLDEN_TOKENS = { issuer: 'https://sign.example.com', audience: 'deploy' } as const

/** The moment at which documents are verified. */
export const GOLDEN_NOW: Date = new Date('2026-11-30T12:00:00Z')

/** Reads the set of a release. */
export function readGoldenSet(release: string): GoldenSet {
  const path = join(GOLDEN_FOLDER, release, GOLDEN_FILES.set)
  return JSON.parse(readFileSync(path, 'utf8')) as GoldenSet
}
