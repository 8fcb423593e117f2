/** A service whose bundles carry the proof of their log entry, and what it publishes. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeServiceFolder } from '../../support/service-folder.ts'
import { startServiceProcess } from '../../support/service-process.ts'
import type { Bundle, Change, Material, Root } from './changed-proofs.ts'
import { PROVENANCE } from './provenance.ts'

/** Predicate type of what {@link ProvingService.attest} makes. */
export const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v1'

/** Keys whose entries every stock verifier reads; those of `digest` sign a file as it is. */
const KEYS = ['release', 'release-rsa', 'files', 'files-rsa'] as const
/** Name of one of them. */
export type KeyName = (typeof KEYS)[number]
/** Those that sign statements. */
export const IMAGE_KEYS = ['release', 'release-rsa'] as const
/** Those that sign files. */
export const FILE_KEYS = ['files', 'files-rsa'] as const

/** A running service. */
export interface ProvingService extends AsyncDisposable {
  readonly trustedRoot: Root
  /** PEM of each key. */
  readonly publicKeys: ReadonlyMap<KeyName, string>
  sign(key: KeyName, digest: string, kind: 'file' | 'image'): Promise<Bundle>
  /** Signs provenance. */
  attest(key: KeyName, digest: string): Promise<Bundle>
  /** A bundle and the published root, after a change. */
  prepare(bundle: Bundle, change?: Change): Material
}

/** SHA-256 of a content, as the service is asked about it. */
export function digestOf(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

/** Starts one in a folder of its own. */
export async function startProvingService(): Promise<ProvingService> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-interop-'))
  const configured = writeServiceFolder({
    folder,
    keys: {
      release: { use: 'artifact', timestamps: 'embedded' },
      'release-rsa': { use: 'artifact', algorithm: 'RS256', timestamps: 'embedded' },
      files: { use: 'digest', timestamps: 'embedded' },
      'files-rsa': { use: 'digest', algorithm: 'RS256', timestamps: 'embedded' },
    },
  })
  const service = await startServiceProcess(configured, { deadlineMs: 110_000 })
  const ask = async (path: string, body?: object): Promise<unknown> => {
    const sent = { method: 'POST', body: JSON.stringify(body) }
    const answer = await fetch(`${service.url}${path}`, {
      headers: { authorization: configured.authorization, 'content-type': 'application/json' },
      ...(body !== undefined && sent),
    })
    if (answer.ok) return answer.json()
    throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  }
  const root = await fetch(`${service.url}/trust/trusted-root.json`)
  const trustedRoot = (await root.json()) as Root
  const publicKeys = new Map<KeyName, string>()
  for (const name of KEYS) {
    const { versions } = (await ask(`/v1/keys/${name}`)) as { versions: [{ kid: string }] }
    const pem = await fetch(`${service.url}/keys/${versions[0].kid}.pem`)
    publicKeys.set(name, await pem.text())
  }
  return {
    trustedRoot,
    publicKeys,
    sign: async (key, digest, kind) => {
      const artifacts = [{ digest, kind, name: 'app' }]
      const answer = await ask(`/v1/keys/${key}/signatures`, { artifacts })
      return (answer as { results: [{ bundle: Bundle }] }).results[0].bundle
    },
    attest: async (key, digest) => {
      const what = { predicateType: PROVENANCE_TYPE, predicate: PROVENANCE }
      const subjects = [{ name: 'app', digest }]
      const answer = await ask(`/v1/keys/${key}/attestations`, { subjects, ...what })
      return (answer as { bundle: Bundle }).bundle
    },
    prepare: (bundle, change) => {
      const material = structuredClone({ bundle, root: trustedRoot })
      change?.(material)
      return material
    },
    [Symbol.asyncDispose]: async () => {
      await service.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
