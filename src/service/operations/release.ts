/**
 * From a signature to an answer: what was signed goes into the log, and only then to its caller.
 *
 * @packageDocumentation
 */
import { digestHex, digestOf } from '../../crypto/digest.ts'
import { turnFor } from '../../crypto/yield-to-event-loop.ts'
import type { SignatureFacts } from '../../formats/hashedrekord.ts'
import { type JsonObject, isJsonObject, type JsonValue } from '../../formats/json.ts'
import { type ProvenLeaf, withLogEntry, withoutLogEntries } from '../../formats/log-entry.ts'
import type { EntryAnswer } from '../../log/appender.ts'
import type { EntryKey } from '../../log/entry.ts'
import { assertRoomFor } from '../../log/entry-room.ts'
import { isStockLeaf, signatureLeaf } from '../../log/public-leaf.ts'
import type { ActiveSigner } from '../../rotation/keyring.ts'
import type { SignArtifactOptions, SignedBundle, WithFacts } from '../../signing/sign-artifact.ts'
import type { ServiceContext } from '../context.ts'
import type { AskedRequest } from '../http/request.ts'
import type { SignatureStamp } from '../composition/stamper.ts'

/** Who asks for what, as every operation needs to know it. */
export interface Request extends AskedRequest {
  /** What answers are kept under for retries; undefined: nothing is. */
  readonly attempt?: string | undefined
  /** Where the answer is kept that this release alone makes, with its entry. */
  readonly keeping?: Keeping | undefined
}

/** A place for the answer to a request. */
export interface Keeping extends Omit<EntryAnswer, 'body'> {
  /** Called once the answer is durable, with its entry. */
  readonly onKept: () => void
}

/** Where the log has what was released. */
export interface Logged {
  /** Of its entry in the log. */
  readonly logIndex: number
}

/** A bundle, as it is answered. */
export interface ReleasedBundle {
  readonly bundle: JsonObject
}

/** A bundle that is in the log. */
export type Released = ReleasedBundle & Logged

/** A signature that was made, and what the log states of it. */
export interface Signed<Output> {
  readonly output: Output
  /** What the log has the SHA-256 of: a bundle, or the payload of the older cosign layout. */
  readonly logged: Uint8Array
  readonly predicateType: string | undefined
  /** What the transparency log says of it. */
  readonly facts: SignatureFacts
}

/** What is signed, for the log. */
export interface Signable<Output> {
  readonly type: 'signature' | 'attestation'
  readonly digests: readonly string[]
  readonly sign: (options: SignArtifactOptions) => Promise<Signed<Output>>
}

/** A bundle as {@link release} takes it. */
export function toSigned(signed: SignedBundle & WithFacts): Signed<ReleasedBundle> {
  const { bundle, parsed, facts, predicateType } = signed
  return { output: { bundle: parsed.json }, logged: bundle, predicateType, facts }
}

type ReleaseContext = Pick<ServiceContext, 'appender' | 'now' | 'stamperOf'>

/** Names the version that signs. */
export function entryKey({ key, version }: ActiveSigner): EntryKey {
  return { name: key.name, version: version.version, kid: version.publicKey.kid }
}

/**
 * Signs, stamps and logs; the bundle is released when its entry is durable.
 *
 * @throws CountersignError ERR_INPUT_TOO_LARGE — more digests than an entry of the log holds: nothing is
 * signed; ERR_LOG_UNAVAILABLE — nothing is released; and what signing, stamping and the admission of the
 * log throw
 */
export async function release<Output extends object>(
  context: ReleaseContext,
  active: ActiveSigner,
  { type, digests, sign }: Signable<Output>,
  { attempt, caller, keeping, owner, requestId, signal, until }: Request,
): Promise<Output & Logged> {
  const stamper = context.stamperOf(active.key.name)
  let stamp: SignatureStamp | undefined
  let backendRequestId: string | undefined
  const onBackendRequest = (id: string): void => {
    backendRequestId = id
  }
  const timestamp = async (signature: Uint8Array): Promise<Uint8Array> => {
    stamp = await stamper?.(signature, { signal, until, owner })
    return stamp?.response ?? new Uint8Array()
  }
  const about = { type, requestId, caller, key: entryKey(active), digests }
  assertRoomFor(about)
  const signed = await sign({
    signal,
    until,
    owner,
    onBackendRequest,
    ...(stamper === undefined ? {} : { timestamp }),
  })
  await turnFor(signed.logged.length)
  const bundleSha256 = digestHex(digestOf(signed.logged))
  const { index, proof } = await context.appender.append(
    {
      ...about,
      time: context.now(),
      predicateType: signed.predicateType,
      bundleSha256,
      timestamp: stamp && { kid: stamp.kid, time: stamp.time },
      backendRequestId,
      answerSha256: attempt && hashAnswer(attempt, signed.output, { bundle: bundleSha256 }),
    },
    {
      signal,
      leaf: signatureLeaf(active.signer.key, signed.facts),
      answer: keeping && { ...keeping, body: keptBody(signed.output) },
    },
  )
  keeping?.onKept()
  return { ...withProof(signed.output, proof), logIndex: index }
}

/** What is kept of an answer of one release: as it was answered, but for the proof, which a replay makes anew. */
function keptBody(output: object): EntryAnswer['body'] {
  const text = JSON.stringify(output)
  return (index) => `[${text.slice(0, -1)},"logIndex":${index}}]`
}

/** A bundle carries the proof of its entry, where stock verifiers can read that, and no other entry. */
export function withProof<Output extends object>(
  output: Output,
  proof: ProvenLeaf | undefined,
): Output {
  if (!('bundle' in output) || !isJsonObject(output.bundle as JsonValue)) return output
  const bundle = output.bundle as JsonObject
  const isReadable = proof !== undefined && isStockLeaf(proof.leaf)
  return { ...output, bundle: isReadable ? withLogEntry(bundle, proof) : withoutLogEntries(bundle) }
}

/**
 * Binds what is answered to the request that it answers: both are kept where others may write. The proof that a
 * bundle carries is not part of it, since it is made after its entry.
 *
 * @param known - SHA-256, hex, of members that was computed before
 */
export function hashAnswer(
  attempt: string,
  output: object,
  known: Readonly<Record<string, string>> = {},
): string {
  const members = Object.entries(output).map(([name, value]: [string, JsonValue]) => [
    name,
    known[name] ?? hashText(JSON.stringify(isJsonObject(value) ? withoutLogEntries(value) : value)),
  ])
  return hashText(JSON.stringify([attempt, ...members]))
}

function hashText(text: string): string {
  return digestHex(digestOf(Buffer.from(text)))
}
