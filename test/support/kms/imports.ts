/** Key material that is imported into the KMS double: unwrapped for real, with a wrapping key for each request. */
import {
  constants,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  privateDecrypt,
  randomBytes,
} from 'node:crypto'
import { promisify } from 'node:util'
import { KmsFault, violates } from './fault.ts'
import type { KmsInput } from './input.ts'
import { assertState, type KmsKey } from './key.ts'

/** What an import token stands for. */
interface Parameters {
  readonly keyArn: string
  readonly wrappingKey: KeyObject
  readonly oaepHash: string
  readonly validUntil: number
}

const generate = promisify(generateKeyPair)
const HASHES: Readonly<Record<string, string>> = {
  RSA_AES_KEY_WRAP_SHA_1: 'sha1',
  RSA_AES_KEY_WRAP_SHA_256: 'sha256',
}
const DAY_MS = 86_400_000

/** Curve, or bits of the modulus, by key spec. */
const SHAPES: Readonly<Record<string, string | number>> = {
  RSA_2048: 2048,
  RSA_3072: 3072,
  RSA_4096: 4096,
  ECC_NIST_P256: 'prime256v1',
  ECC_NIST_P384: 'secp384r1',
  ECC_NIST_P521: 'secp521r1',
  ECC_SECG_P256K1: 'secp256k1',
}

/** The wrapping keys of one account. */
export class KmsImports {
  /** By import token, base64. */
  readonly #given = new Map<string, Parameters>()
  /** Public key that a key had first: no other material is imported into it, by ARN. */
  readonly #first = new Map<string, string>()

  async parameters(key: KmsKey, input: KmsInput, now: number): Promise<Record<string, unknown>> {
    assertExternal(key)
    const oaepHash = HASHES[input.text('WrappingAlgorithm')]
    if (oaepHash === undefined) throw violates('wrappingAlgorithm', 'Member must be supported')
    const spec = /^RSA_(2048|3072|4096)$/.exec(input.text('WrappingKeySpec'))
    if (spec === null) throw violates('wrappingKeySpec', 'Member must satisfy enum value set')
    const pair = await generate('rsa', { modulusLength: Number(spec[1]) })
    const token = randomBytes(256).toString('base64')
    const validUntil = now + DAY_MS
    this.#given.set(token, {
      keyArn: key.arn,
      wrappingKey: pair.privateKey,
      oaepHash,
      validUntil,
    })
    return {
      KeyId: key.arn,
      ImportToken: token,
      PublicKey: pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
      ParametersValidTo: validUntil / 1000,
    }
  }

  importMaterial(key: KmsKey, input: KmsInput, now: number): void {
    assertExternal(key)
    assertState(key, 'PendingImport', 'Enabled', 'Disabled')
    const given = this.#given.get(input.text('ImportToken'))
    if (given?.keyArn !== key.arn) throw new KmsFault('InvalidImportTokenException', '')
    if (now > given.validUntil) throw new KmsFault('ExpiredImportTokenException', '')
    const material = unwrap(input.bytes('EncryptedKeyMaterial'), given)
    assertFits(key, material)
    const text = createPublicKey(material).export({ type: 'spki', format: 'der' }).toString('hex')
    if ((this.#first.get(key.arn) ?? text) !== text) {
      throw new KmsFault('IncorrectKeyMaterialException', '')
    }
    this.#first.set(key.arn, text)
    key.privateKey = material
    if (key.state === 'PendingImport') key.state = 'Enabled'
  }
}

function assertExternal(key: KmsKey): void {
  if (key.origin === 'EXTERNAL') return
  const text = `${key.arn} origin is ${key.origin} which is not valid for this operation.`
  throw new KmsFault('UnsupportedOperationException', text)
}

function unwrap(wrapped: Uint8Array, { wrappingKey, oaepHash }: Parameters): KeyObject {
  const length = (wrappingKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8
  try {
    const padding = constants.RSA_PKCS1_OAEP_PADDING
    const secret = privateDecrypt(
      { key: wrappingKey, padding, oaepHash },
      wrapped.subarray(0, length),
    )
    const aiv = Buffer.from('a65959a6', 'hex')
    const cipher = createDecipheriv('id-aes256-wrap-pad', secret, aiv)
    const key = Buffer.concat([cipher.update(wrapped.subarray(length)), cipher.final()])
    return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
  } catch {
    throw new KmsFault('InvalidCiphertextException', '')
  }
}

function assertFits(
  { spec }: KmsKey,
  { asymmetricKeyDetails, asymmetricKeyType }: KeyObject,
): void {
  const { modulusLength, namedCurve } = asymmetricKeyDetails ?? {}
  const shape = spec === 'ECC_NIST_EDWARDS25519' ? 'ed25519' : SHAPES[spec]
  if ((modulusLength ?? namedCurve ?? asymmetricKeyType) === shape) return
  throw new KmsFault('IncorrectKeyMaterialException', '')
}
