/** What a step trusts: what a service publishes, fetched or kept in the repository, or a public key. */
import { createChosenGet } from '../src/client/bounded-get.ts'
import { readProxies } from '../src/client/proxies.ts'
import { assertPrivate } from '../src/client/service-address.ts'
import { publicationUrl } from '../src/client/trust-cache.ts'
import { assertFingerprint, findTrustKey } from '../src/client/trust-pin.ts'
import { CountersignError, toCountersignError } from '../src/errors.ts'
import { readFileBounded } from '../src/files.ts'
import { isJsonObject, type JsonValue, parseJson } from '../src/formats/json.ts'
import { type KeyHistory, parseKeyHistory } from '../src/keys/key-history.ts'
import { assertPublicationCurrent, type PublicationSource } from '../src/keys/publication-times.ts'
import { fileSource, readPublicKey } from '../src/providers/key-source.ts'
import { pinKey, type TrustedKey, type TrustMaterial } from '../src/verification/trust.ts'
import { toTrustMaterial } from '../src/verification/trusted-root.ts'
import { usage } from './input-reader.ts'
import type { TrustInputs } from './inputs.ts'
import { stepPath } from './step-path.ts'
import type { StepContext } from './step.ts'

/** What is trusted, and where that was read. */
export interface StepTrust {
  readonly material: TrustMaterial
  readonly described: string
}

const MAX_PUBLICATION_BYTES = 8 * 1024 * 1024

/**
 * Reads what the inputs trust; undefined where they name nothing.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_TRUSTED — the trust key has another fingerprint;
 * ERR_TRUST_EXPIRED — its time is over; ERR_TRUST_INVALID, ERR_JSON_INVALID, ERR_KEY_INVALID — malformed;
 * ERR_FILE_READ; ERR_NETWORK, ERR_TIMEOUT
 */
export async function readStepTrust(
  inputs: TrustInputs,
  context: StepContext,
): Promise<StepTrust | undefined> {
  const { trust, fingerprint } = inputs
  if (trust === undefined) return undefined
  if (/^https?:\/\//i.test(trust)) return readPublished(trust, fingerprint, context)
  const bytes = withoutMark(
    await readFileBounded(await stepPath(trust, context), MAX_PUBLICATION_BYTES),
  )
  if (isJson(bytes)) {
    const origin = { place: trust, source: 'offline', now: context.now() } as const
    return toTrust(bytes, fingerprint, origin)
  }
  if (fingerprint !== undefined) {
    throw usage('trust-fingerprint is given with a public key', 'leave trust-fingerprint out')
  }
  const key = await readPublicKey(fileSource(trust), bytes)
  const described = `the key of ${trust} (kid ${key.kid})`
  return { material: { keys: [pinKey(key)] }, described }
}

/** Editors and PowerShell put a byte order mark before texts in UTF-8. */
function withoutMark(bytes: Uint8Array): Uint8Array {
  const [first, second, third] = bytes
  return first === 0xef && second === 0xbb && third === 0xbf ? bytes.subarray(3) : bytes
}

/** What a service publishes is JSON; anything else is meant as a key. An empty file is neither. */
function isJson(bytes: Uint8Array): boolean {
  const first = bytes.find((byte) => byte > 0x20)
  return first === undefined || first === 0x7b
}

/**
 * Finds the key that is about to sign among those that are trusted: what it signs must be accepted
 * by every verifier with the same trust.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_TRUSTED — it is not among them; ERR_KEY_REVOKED;
 * ERR_KEY_NOT_USABLE — it is, and signs nothing yet or any more
 */
export function findSigner(
  { material, described }: StepTrust,
  kid: string,
  name: string,
): TrustedKey {
  const trusted = material.keys.find(({ key }) => key.kid === kid)
  const details = { kid }
  if (trusted === undefined) {
    throw new CountersignError(
      'ERR_KEY_NOT_TRUSTED',
      `signatures of "${name}" would not be accepted: its kid ${kid} is not among ${described}`,
      {
        hint: 'sign with a key that is published there, import this one into the service that publishes them, or save again what it publishes',
        details,
      },
    )
  }
  const { state } = trusted
  if (state === 'active' || state === 'pinned') return trusted
  const code = state === 'revoked' ? 'ERR_KEY_REVOKED' : 'ERR_KEY_NOT_USABLE'
  const message = `signatures of "${name}" would not be accepted: its kid ${kid} is ${state} in ${described}`
  throw new CountersignError(code, message, { hint: 'sign with the active version', details })
}

async function readPublished(
  address: string,
  fingerprint: string | undefined,
  { signal, now, env }: StepContext,
): Promise<StepTrust> {
  const service = URL.parse(address)
  if (service === null) throw usage(`trust is "${address}"`, 'write it as https://sign.example.com')
  assertPrivate(service)
  const get = createChosenGet(readProxies(env))
  const url = service.pathname.endsWith('.json') ? service : publicationUrl(service)
  const { body } = await get({ url, maxBytes: MAX_PUBLICATION_BYTES, signal })
  return toTrust(body, fingerprint, { place: service.href, source: 'online', now: now() })
}

/** Where a publication was read, and when. */
interface TrustOrigin {
  readonly place: string
  readonly source: PublicationSource
  readonly now: Date
}

/** Without a fingerprint, a publication is only as trustworthy as its source: the server, or the repository. */
async function toTrust(
  bytes: Uint8Array,
  fingerprint: string | undefined,
  origin: TrustOrigin,
): Promise<StepTrust> {
  const { place } = origin
  const json = parseAt(place, bytes)
  const isSigned = isJsonObject(json) && Object.hasOwn(json, 'payloadType')
  if (!isSigned && fingerprint !== undefined) {
    throw new CountersignError('ERR_TRUST_INVALID', `${place} is not signed by a trust key`, {
      hint: 'save what the service publishes at /trust/keys.json, or leave trust-fingerprint out',
    })
  }
  if (!isSigned) return fromHistory(parseKeyHistory(bytes), origin)
  const trustKey = findTrustKey(bytes)
  if (fingerprint !== undefined) assertFingerprint(trustKey, fingerprint)
  return fromHistory(parseKeyHistory(bytes, trustKey), origin)
}

/** Names where it was read in what is wrong with a text that is not JSON. */
function parseAt(place: string, bytes: Uint8Array): JsonValue {
  try {
    return parseJson(bytes, { maxBytes: MAX_PUBLICATION_BYTES })
  } catch (cause) {
    const { code, message, details } = toCountersignError(cause)
    throw new CountersignError(code, `cannot read what ${place} publishes: ${message}`, {
      hint: 'set trust to the address of a countersign service, to a file with what it publishes at /trust/keys.json, or to a file with a public key in PEM',
      details,
      cause,
    })
  }
}

async function fromHistory(history: KeyHistory, origin: TrustOrigin): Promise<StepTrust> {
  assertPublicationCurrent(history.times, origin)
  return {
    material: await toTrustMaterial(history),
    described: `${history.versions.length} key versions of ${origin.place} (sequence ${history.sequence})`,
  }
}
