/** Keys of the KMS double: specs, metadata and states. */
import { generateKeyPair, type KeyObject, randomBytes, randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { KmsFault, violates } from './fault.ts'

/** KeyState of the KMS API. */
export type KeyState =
  | 'Creating'
  | 'Enabled'
  | 'Disabled'
  | 'PendingDeletion'
  | 'PendingImport'
  | 'PendingReplicaDeletion'
  | 'Unavailable'
  | 'Updating'

/** What a key spec means. */
export interface KeySpec {
  readonly usages: readonly string[]
  readonly signingAlgorithms: readonly string[]
  /** The request quota that signing and verifying count against. */
  readonly quota: 'RSA' | 'ECC'
  /** Makes the private key; undefined for symmetric keys. */
  readonly generate?: () => Promise<KeyObject>
}

/** One key of the double. */
export interface KmsKey {
  readonly id: string
  readonly arn: string
  readonly spec: string
  readonly usage: string
  readonly description: string
  readonly createdAt: number
  readonly multiRegion: boolean
  readonly origin: string
  readonly tags: Map<string, string>
  readonly privateKey: KeyObject | undefined
  state: KeyState
  deletionAt: number | undefined
  lastUsage: { readonly operation: string; readonly at: number } | undefined
}

const HASHES = ['256', '384', '512']
const generate = promisify(generateKeyPair)

const rsa = (modulusLength: number): KeySpec => ({
  usages: ['SIGN_VERIFY', 'ENCRYPT_DECRYPT'],
  signingAlgorithms: ['RSASSA_PKCS1_V1_5_SHA_', 'RSASSA_PSS_SHA_'].flatMap((scheme) =>
    HASHES.map((hash) => scheme + hash),
  ),
  quota: 'RSA',
  generate: async () => (await generate('rsa', { modulusLength })).privateKey,
})
const ecc = (namedCurve: string, hash: string, usages: readonly string[]): KeySpec => ({
  usages,
  signingAlgorithms: [`ECDSA_SHA_${hash}`],
  quota: 'ECC',
  generate: async () => (await generate('ec', { namedCurve })).privateKey,
})

/** Key specs the double can make. */
const KEY_SPECS: Readonly<Record<string, KeySpec>> = {
  RSA_2048: rsa(2048),
  RSA_3072: rsa(3072),
  RSA_4096: rsa(4096),
  ECC_NIST_P256: ecc('P-256', '256', ['SIGN_VERIFY', 'KEY_AGREEMENT']),
  ECC_NIST_P384: ecc('P-384', '384', ['SIGN_VERIFY', 'KEY_AGREEMENT']),
  ECC_NIST_P521: ecc('P-521', '512', ['SIGN_VERIFY', 'KEY_AGREEMENT']),
  ECC_SECG_P256K1: ecc('secp256k1', '256', ['SIGN_VERIFY']),
  ECC_NIST_EDWARDS25519: {
    usages: ['SIGN_VERIFY'],
    signingAlgorithms: ['ED25519_SHA_512', 'ED25519_PH_SHA_512'],
    quota: 'ECC',
    generate: async () => (await generate('ed25519')).privateKey,
  },
  SYMMETRIC_DEFAULT: { usages: ['ENCRYPT_DECRYPT'], signingAlgorithms: [], quota: 'ECC' },
  HMAC_256: { usages: ['GENERATE_VERIFY_MAC'], signingAlgorithms: [], quota: 'ECC' },
}

/** The spec of a name, or KMS's complaint. */
export function keySpec(name: string): KeySpec {
  const spec = Object.hasOwn(KEY_SPECS, name) ? KEY_SPECS[name] : undefined
  if (spec !== undefined) return spec
  const known = Object.keys(KEY_SPECS).join(', ')
  throw violates('keySpec', `Member must satisfy enum value set: [${known}]`)
}

/** What CreateKey asks for, with its defaults filled in. */
export interface NewKey {
  readonly region: string
  readonly account: string
  readonly spec: string
  readonly usage: string
  readonly description: string
  readonly origin: string
  readonly multiRegion: boolean
  readonly tags: Map<string, string>
  readonly now: number
  /** Key material somebody brings; otherwise it is generated. */
  readonly privateKey?: KeyObject
}

/** Makes a key with real key material. */
export async function createKey(request: NewKey): Promise<KmsKey> {
  const { region, account, now, privateKey, ...rest } = request
  const spec = keySpec(request.spec)
  if (!spec.usages.includes(request.usage)) {
    throw new KmsFault(
      'ValidationException',
      `KeyUsage ${request.usage} is not compatible with KeySpec ${request.spec}`,
    )
  }
  const id = request.multiRegion ? `mrk-${randomBytes(16).toString('hex')}` : randomUUID()
  return {
    ...rest,
    id,
    arn: `${arnPrefix(region, account)}:key/${id}`,
    createdAt: now,
    privateKey: privateKey ?? (await spec.generate?.()),
    state: request.origin === 'EXTERNAL' ? 'PendingImport' : 'Enabled',
    deletionAt: undefined,
    lastUsage: undefined,
  }
}

/** `arn:PARTITION:kms:REGION:ACCOUNT`. */
export function arnPrefix(region: string, account: string): string {
  const special = ['cn', 'us-gov', 'us-isob', 'us-iso', 'eusc'].find((prefix) =>
    region.startsWith(`${prefix}-`),
  )
  const partition =
    special === undefined ? 'aws' : `aws-${special.replace(/^us-iso(b?)$/, 'iso$1')}`
  return `arn:${partition.replace('isob', 'iso-b')}:kms:${region}:${account}`
}

/** KeyMetadata of the KMS API. */
export function toKeyMetadata(key: KmsKey): Record<string, unknown> {
  const [, , , , account] = key.arn.split(':')
  const { signingAlgorithms } = keySpec(key.spec)
  return {
    AWSAccountId: account,
    KeyId: key.id,
    Arn: key.arn,
    CreationDate: key.createdAt / 1000,
    Enabled: key.state === 'Enabled',
    Description: key.description,
    KeyUsage: key.usage,
    KeyState: key.state,
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: key.spec,
    KeySpec: key.spec,
    Origin: key.origin,
    MultiRegion: key.multiRegion,
    ...(key.deletionAt === undefined ? {} : { DeletionDate: key.deletionAt / 1000 }),
    ...(key.usage === 'SIGN_VERIFY' ? { SigningAlgorithms: signingAlgorithms } : {}),
  }
}

const STATE_TEXT: Readonly<Record<KeyState, string>> = {
  Creating: 'creating',
  Enabled: 'enabled',
  Disabled: 'disabled',
  PendingDeletion: 'pending deletion',
  PendingImport: 'pending import',
  PendingReplicaDeletion: 'pending replica deletion',
  Unavailable: 'unavailable',
  Updating: 'updating',
}

/** Refuses keys that wait for their deletion. */
export function assertNotPendingDeletion(key: KmsKey): void {
  if (key.state === 'PendingDeletion') assertState(key)
}

/** Refuses keys in other states than those an operation works in. */
export function assertState(key: KmsKey, ...allowed: readonly KeyState[]): void {
  if (allowed.includes(key.state)) return
  const type = key.state === 'Disabled' ? 'DisabledException' : 'KMSInvalidStateException'
  throw new KmsFault(type, `${key.arn} is ${STATE_TEXT[key.state]}.`)
}
