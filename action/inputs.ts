/**
 * The inputs of a step, by the names of action.yml: those that actions/attest users know, and ours. All
 * of them are judged before anything is read or sent.
 *
 * @packageDocumentation
 */
import { parseFingerprint } from '../src/client/trust-pin.ts'
import type { Environment } from '../src/config/environment.ts'
import { MAX_ATTACHED } from '../src/formats/oci-referrer.ts'
import type { SignFormat } from '../src/artifacts/artifact-signer.ts'
import { parseSource, type SourceText } from '../src/verification/source.ts'
import { createInputReader, type InputReader, usage } from './input-reader.ts'
import { type KeyInputs, readKeyInputs } from './key-inputs.ts'
import { type PredicateChoice, readPredicateChoice } from './predicate.ts'
import { readTokenInputs, type TokenRequestInputs } from './token-inputs.ts'

/** Which artifacts are meant. */
export interface SubjectInputs {
  /** Globs; a folder stands for all files in it, `!` takes away. */
  readonly paths: readonly string[]
  readonly digest: string | undefined
  readonly name: string | undefined
  /** Path of a checksum file, or its content. */
  readonly checksums: string | undefined
}

/** What is trusted. */
export interface TrustInputs {
  /** Address of a service, or path of a key history, publication or public key. */
  readonly trust: string | undefined
  /** Of the trust key, told over another way. */
  readonly fingerprint: string | undefined
}

/** What every mode takes. */
interface CommonInputs {
  readonly showSummary: boolean
  /** Whether paths may lead out of the workspace by links. */
  readonly followLinks: boolean
}

/** Inputs of the modes that make something. */
export interface MakeInputs extends CommonInputs, TrustInputs, KeyInputs {
  readonly mode: 'sign' | 'attest'
  readonly subjects: SubjectInputs
  /** Of an attestation. */
  readonly predicate: PredicateChoice
  readonly push: boolean
  readonly format: SignFormat
  readonly github: GithubInputs
}

/** Which of GitHub's APIs are used, and with whose token. */
export interface GithubInputs {
  readonly attestations: 'auto' | 'true' | 'false'
  readonly token: string | undefined
  /** Whether a storage record is made of an image. */
  readonly isRecorded: boolean
  /** Version of the subject in its storage record. */
  readonly version: string | undefined
}

/** Inputs of `verify`. */
export interface VerifyInputs extends CommonInputs, TrustInputs {
  readonly mode: 'verify'
  readonly subjects: SubjectInputs
  /** Bundle file, or a folder with one for each artifact. */
  readonly bundle: string | undefined
  /** Each must be there; none: a plain signature, or provenance where a source is demanded. */
  readonly predicateTypes: readonly string[]
  /** What the provenance must name. */
  readonly source: SourceText
  /** Most bundles read of one image. */
  readonly maxAttached: number | undefined
  readonly github: GithubInputs
}

/** Inputs of `token`. */
export interface TokenInputs extends CommonInputs, KeyInputs, TokenRequestInputs {
  readonly mode: 'token'
}

/** All inputs of a step. */
export type Inputs = MakeInputs | VerifyInputs | TokenInputs

const MODES = ['sign', 'attest', 'verify', 'token'] as const

/**
 * Reads and judges the inputs.
 *
 * @throws {@link CountersignError} ERR_USAGE — an invalid value, or inputs that cannot be combined;
 * ERR_KEY_URI_INVALID, ERR_OPERATION_UNSUPPORTED — the key
 */
export function parseInputs(env: Environment): Inputs {
  const reader = createInputReader(env)
  const mode = reader.choice('mode', MODES, 'attest')
  const common = {
    showSummary: reader.flag('show-summary', true),
    followLinks: reader.flag('follow-links', false),
  }
  switch (mode) {
    case 'sign':
    case 'attest':
      return { mode, ...common, ...readMakeInputs(mode, reader) }
    case 'verify':
      return { mode, ...common, ...readVerifyInputs(reader) }
    case 'token':
      return { mode, ...common, ...readKeyInputs(reader), ...readTokenInputs(reader) }
  }
}

function readMakeInputs(
  mode: MakeInputs['mode'],
  reader: InputReader,
): Omit<MakeInputs, 'mode' | keyof CommonInputs> {
  const subjects = readSubjectInputs(reader)
  const push = reader.flag('push-to-registry', false)
  if (push && subjects.name === undefined && isNamed(subjects)) {
    throw usage(
      'push-to-registry is true, and no image is named',
      'set subject-name to registry/repository, and subject-digest to the digest of the image',
    )
  }
  const format = reader.choice('format', ['bundle', 'legacy', 'both'], 'bundle')
  if (format !== 'bundle' && !push) {
    throw usage(
      `format is ${format}, and nothing is attached to an image`,
      'set push-to-registry to true, or leave format out',
    )
  }
  return {
    ...readKeyInputs(reader),
    ...readTrustInputs(reader),
    subjects,
    predicate: readPredicateChoice(mode, reader),
    push,
    format,
    github: readGithubInputs(reader, push),
  }
}

function readVerifyInputs(reader: InputReader): Omit<VerifyInputs, 'mode' | keyof CommonInputs> {
  const source = {
    repository: reader.text('repository'),
    workflow: reader.text('workflow'),
    builders: reader.list('builder'),
  }
  // Judged here, before anything is read; the server of its repository is the context's.
  parseSource(source)
  const trust = readTrustInputs(reader)
  if (trust.trust === undefined) {
    throw usage(
      'the input trust is missing: nothing says whose signatures count',
      'set trust to the address of your countersign service, or to a file with its published keys',
    )
  }
  return {
    ...trust,
    subjects: readSubjectInputs(reader),
    bundle: reader.text('bundle'),
    predicateTypes: reader.list('predicate-type'),
    source,
    maxAttached: reader.count('max-attached', MAX_ATTACHED),
    github: readGithubInputs(reader, false),
  }
}

function readSubjectInputs(reader: InputReader): SubjectInputs {
  const paths = reader.list('subject-path')
  const digest = reader.text('subject-digest')
  const checksums = reader.text('subject-checksums')
  const given = [
    ...(paths.length > 0 ? ['subject-path'] : []),
    ...(digest === undefined ? [] : ['subject-digest']),
    ...(checksums === undefined ? [] : ['subject-checksums']),
  ]
  if (given.length > 1) throw usage(`${given.join(' and ')} are given`, 'choose one of them')
  const name = reader.text('subject-name')
  if (digest !== undefined && name === undefined) {
    throw usage('subject-digest is given without a name', 'set subject-name too')
  }
  return { paths, digest, name, checksums }
}

/** Whether an input says which artifacts are meant; else the job's list of artifacts does. */
function isNamed({ paths, digest, checksums }: SubjectInputs): boolean {
  return paths.length > 0 || digest !== undefined || checksums !== undefined
}

function readTrustInputs(reader: InputReader): TrustInputs {
  const fingerprint = reader.text('trust-fingerprint')
  return {
    trust: reader.text('trust'),
    fingerprint: fingerprint === undefined ? undefined : parseFingerprint(fingerprint),
  }
}

function readGithubInputs(reader: InputReader, push: boolean): GithubInputs {
  const version = reader.text('subject-version')
  const isRecorded = reader.flag('create-storage-record', version !== undefined && push)
  if (version !== undefined && !isRecorded) {
    throw usage(
      'subject-version is given, and no storage record is created',
      'set push-to-registry to true, or leave subject-version out: it is the version in a storage record',
    )
  }
  if (isRecorded && !push) {
    throw usage(
      'create-storage-record is true, and nothing is attached to an image',
      'set push-to-registry to true, or leave create-storage-record out',
    )
  }
  return {
    attestations: reader.choice('github-attestations', ['auto', 'true', 'false'], 'auto'),
    token: reader.text('github-token'),
    isRecorded,
    version,
  }
}
