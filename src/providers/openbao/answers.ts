/** What OpenBao answers, read strictly: what stands in for it may answer anything. */
import { decodeBase64Url } from '../../crypto/base64.ts'
import { CountersignError } from '../../errors.ts'
import { isJsonObject, type JsonObject, ObjectReader, parseJson } from '../../formats/json.ts'

/** A key of a transit engine, with all its versions. */
export interface TransitKey {
  readonly type: string
  readonly latestVersion: number
  /** Versions below this one sign no more; 0: all sign. */
  readonly minSigningVersion: number
  readonly canSign: boolean
  /** Each signature is by another key, made from a context. */
  readonly isDerived: boolean
  readonly isSoftDeleted: boolean
  /** Public halves: PEM, or base64 of the 32 bytes of an Ed25519 key. Versions that are archived are absent. */
  readonly publicKeys: ReadonlyMap<number, string>
}

/** A signature, P1363 for ECDSA, and the version that made it. */
export interface TransitSignature {
  readonly version: number
  readonly signature: Uint8Array
}

/** A token, and how long it lasts. */
export interface TokenLease {
  readonly token: string
  /** Undefined: for ever. */
  readonly seconds: number | undefined
  readonly isRenewable: boolean
}

/** Makes the error of an answer that OpenBao never gives. */
export function malformedAnswer(why: string): CountersignError {
  return new CountersignError('ERR_PROVIDER_FAULT', `malformed answer of OpenBao: ${why}`, {
    hint: 'nothing was released; check that the address is that of an OpenBao or Vault server',
    details: { provider: 'openbao' },
  })
}

/** Reads the body of a success; an empty one has no members. */
export function readSuccess(body: Uint8Array): JsonObject {
  if (body.length === 0) return {}
  try {
    const value = parseJson(body)
    if (isJsonObject(value)) return value
  } catch (cause) {
    if (!CountersignError.is(cause)) throw cause
  }
  throw malformedAnswer('not a JSON object')
}

/** Reads a key. */
export function readTransitKey(answer: JsonObject): TransitKey {
  const data = reader(answer).object('data')
  const canSign = data.value('supports_signing') === true
  return {
    type: data.text('type'),
    latestVersion: data.count('latest_version'),
    minSigningVersion: data.count('min_encryption_version'),
    canSign,
    isDerived: data.value('derived') === true,
    isSoftDeleted: data.value('soft_deleted') === true,
    publicKeys: canSign ? readPublicKeys(data.object('keys')) : new Map(),
  }
}

function readPublicKeys(keys: ObjectReader): ReadonlyMap<number, string> {
  return new Map(
    keys.names.map((name) => {
      if (!/^[1-9][0-9]{0,8}$/.test(name)) throw malformedAnswer('a version is not a number')
      return [Number(name), keys.object(name).text('public_key')]
    }),
  )
}

/** Reads a signature in the form of `marshaling_algorithm: jws`. */
export function readTransitSignature(answer: JsonObject): TransitSignature {
  const text = reader(answer).object('data').text('signature')
  const [, version, encoded = ''] = /^vault:v([1-9][0-9]{0,8}):([\w-]+)$/.exec(text) ?? []
  const signature = decodeBase64Url(encoded)
  if (version === undefined || signature === undefined) {
    throw malformedAnswer('the signature is not of the form vault:vN:…')
  }
  return { version: Number(version), signature }
}

/** Reads the token that a login or a renewal answers with. */
export function readLease(answer: JsonObject): TokenLease {
  const auth = reader(answer).object('auth')
  const seconds = auth.count('lease_duration')
  return {
    token: auth.text('client_token'),
    seconds: seconds === 0 ? undefined : seconds,
    isRenewable: auth.value('renewable') === true,
  }
}

/** Reads what a token that looked itself up may do, in seconds from now. */
export function readLookup(token: string, answer: JsonObject): TokenLease {
  const data = reader(answer).object('data')
  // A token without an end answers with 0 and no time of its end.
  const hasEnd = data.optionalText('expire_time') !== undefined
  return {
    token,
    seconds: hasEnd ? data.count('ttl') : undefined,
    isRenewable: data.value('renewable') === true,
  }
}

function reader(answer: JsonObject): ObjectReader {
  return new ObjectReader(answer, malformedAnswer, 'it')
}
