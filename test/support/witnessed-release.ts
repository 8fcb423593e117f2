/** Signatures of a service with witnesses: asked for, and verified where cosignatures are demanded. */
import type { Digest } from '../../src/crypto/digest.ts'
import { readEnvelope } from '../../src/formats/dsse.ts'
import { type JsonObject, parseJson } from '../../src/formats/json.ts'
import { logVerifierKey, type NoteKey } from '../../src/formats/note-key.ts'
import type { WitnessDemand } from '../../src/formats/witnesses.ts'
import { parseKeyHistory } from '../../src/keys/key-history.ts'
import { digestArtifact } from '../../src/verification/artifact.ts'
import { SIGNATURE_POLICY } from '../../src/verification/policy.ts'
import type { TrustMaterial } from '../../src/verification/trust.ts'
import { toTrustMaterial } from '../../src/verification/trusted-root.ts'
import { verifyBundle } from '../../src/verification/verify-bundle.ts'
import { codeOfAsync } from './errors.ts'
import type { TestServer } from './server.ts'
import type { ClientOptions } from './service-client.ts'

/** What asking for a signature gave. */
export interface Release {
  readonly bundle?: JsonObject
  readonly code?: unknown
}

/** What a service publishes of its keys, trusted as it is. */
export async function readTrust(address: string): Promise<TrustMaterial> {
  const published = await fetch(`${address}/trust/keys.json`)
  const { payload } = readEnvelope(parseJson(new Uint8Array(await published.arrayBuffer())))
  return toTrustMaterial(parseKeyHistory(payload))
}

/** Signs a file with the key `release`. */
export async function releaseFile(
  { address, authorization }: ClientOptions,
  digest: Digest,
  more: Readonly<Record<string, string>> = {},
): Promise<Release> {
  const answer = await fetch(`${address}/v1/keys/release/signatures`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json', ...more },
    body: JSON.stringify({ artifacts: [{ digest, kind: 'file' }] }),
  })
  const body = (await answer.json()) as {
    readonly code?: unknown
    readonly results?: readonly { readonly bundle?: JsonObject; readonly problem?: object }[]
  }
  const [{ bundle, problem = body } = {}] = body.results ?? []
  if (bundle !== undefined) return { bundle }
  return { code: 'code' in problem ? problem.code : undefined }
}

/** `accepted`, or the code with which a bundle is refused whose proof has to lead to a checkpoint of the log. */
export function verdictOn(
  bundle: JsonObject,
  options: {
    readonly trust: TrustMaterial
    readonly digest: Digest
    readonly witnesses?: WitnessDemand | undefined
  },
): Promise<string> {
  const { digest, trust, witnesses } = options
  const policy = { ...SIGNATURE_POLICY, evidence: { logEntries: 1, times: 0, witnesses } }
  const artifact = digestArtifact('app', [digest])
  const bytes = Buffer.from(JSON.stringify(bundle))
  return codeOfAsync(() => verifyBundle(bytes, artifact, { trust, policy, now: new Date() }))
}

/** Verifier keys of the logs of a service, in force now. */
export function logKeysOf({ keys, logNames, versions }: TestServer): readonly NoteKey[] {
  return (
    [
      ['log', logNames.transparency],
      ['audit', logNames.audit],
    ] as const
  ).map(([use, origin]) => {
    const names = keys.filter((key) => key.use === use).map(({ name }) => name)
    const active = versions.find(({ key, state }) => names.includes(key) && state === 'active')
    if (active === undefined) throw new Error(`no active version whose use is ${use}`)
    return logVerifierKey(origin, active.publicKey)
  })
}

/** Size of the tree that the proof of a bundle leads to. */
export function provenSize(bundle: JsonObject | undefined): number {
  const { verificationMaterial } = bundle as {
    readonly verificationMaterial: {
      readonly tlogEntries: readonly { readonly inclusionProof: { readonly treeSize: string } }[]
    }
  }
  return Number(verificationMaterial.tlogEntries[0]?.inclusionProof.treeSize)
}
