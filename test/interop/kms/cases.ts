import {
  type CreateKeyCommandInput,
  type GetPublicKeyCommandOutput,
  type KMS,
  type KMSServiceException,
  type SignCommandInput,
  type SignCommandOutput,
  type SigningAlgorithmSpec,
} from '@aws-sdk/client-kms'
import { constants, createHash, createPublicKey, verify } from 'node:crypto'

/** One thing KMS is asked, and the answer in a form that two implementations can be compared by. */
export interface KmsCase {
  readonly title: string
  /** Sends requests; what it returns holds no random id, time or signature. */
  readonly ask: (kms: KMS) => Promise<unknown>
}

const MESSAGE = Buffer.from('a message of some length')
const KEY_SPECS = [
  'ECC_NIST_P256',
  'ECC_NIST_P384',
  'ECC_NIST_P521',
  'RSA_2048',
  'RSA_3072',
  'RSA_4096',
] as const
const ECDSA = [
  ['ECC_NIST_P256', 'ECDSA_SHA_256'],
  ['ECC_NIST_P384', 'ECDSA_SHA_384'],
  ['ECC_NIST_P521', 'ECDSA_SHA_512'],
] as const
const RSA_ALGORITHMS = ['PKCS1_V1_5', 'PSS'].flatMap((padding) =>
  ([256, 384, 512] as const).map((bits) => `RSASSA_${padding}_SHA_${bits}` as SigningAlgorithmSpec),
)
const SIGNING = [...ECDSA, ...RSA_ALGORITHMS.map((algorithm) => ['RSA_2048', algorithm] as const)]

/** The list both answer. */
export const KMS_CASES: readonly KmsCase[] = [
  ...KEY_SPECS.map((spec) => ({
    title: `a new ${spec} key is described, and shows its public key`,
    ask: (kms: KMS) => describeNewKey(kms, spec),
  })),
  ...SIGNING.flatMap(([spec, algorithm]) =>
    (['DIGEST', 'RAW'] as const).map((type) => ({
      title: `${algorithm} signs a message given as ${type}`,
      ask: (kms: KMS) => signAndCheck(kms, { spec, algorithm, type }),
    })),
  ),
  {
    title: 'a digest of the wrong length is refused',
    ask: async (kms) => failure(kms, sign(await newKey(kms), { Message: Buffer.alloc(20) })),
  },
  {
    title: 'an algorithm that does not fit the key is refused',
    ask: async (kms) =>
      failure(kms, sign(await newKey(kms), { SigningAlgorithm: 'RSASSA_PSS_SHA_256' })),
  },
  {
    title: 'a disabled key does not sign',
    ask: async (kms) => {
      const key = await newKey(kms)
      await kms.disableKey({ KeyId: key })
      return failure(kms, sign(key))
    },
  },
  {
    title: 'an enabled key signs again',
    ask: async (kms) => {
      const KeyId = await newKey(kms)
      await kms.disableKey({ KeyId })
      await kms.enableKey({ KeyId })
      return outcome(await sign(KeyId)(kms), KeyId)
    },
  },
  {
    title: 'a key that waits for its deletion does not sign',
    ask: async (kms) => {
      const key = await newKey(kms)
      await kms.scheduleKeyDeletion({ KeyId: key, PendingWindowInDays: 7 })
      return failure(kms, sign(key))
    },
  },
  {
    title: 'a key is saved from its deletion, disabled',
    ask: async (kms) => {
      const KeyId = await newKey(kms)
      await kms.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
      await kms.cancelKeyDeletion({ KeyId })
      return (await kms.describeKey({ KeyId })).KeyMetadata?.KeyState
    },
  },
  {
    title: 'a key that was never created does not sign',
    ask: async (kms) => {
      const known = await newKey(kms)
      return failure(
        kms,
        sign(known.replace(/[0-9a-f-]{36}$/, '00000000-0000-4000-8000-000000000000')),
      )
    },
  },
  {
    title: 'an alias that was never created names no key',
    ask: (kms) => failure(kms, sign('alias/never-created')),
  },
  {
    title: 'an alias names its key, and the answer names the key by its ARN',
    ask: async (kms) => {
      const key = await newKey(kms)
      await kms.createAlias({ AliasName: 'alias/names-its-key', TargetKeyId: key })
      return outcome(await sign('alias/names-its-key')(kms), key)
    },
  },
  {
    title: 'a moved alias names the other key',
    ask: async (kms) => {
      const [first, second] = [await newKey(kms), await newKey(kms)]
      await kms.createAlias({ AliasName: 'alias/moves', TargetKeyId: first })
      await kms.updateAlias({ AliasName: 'alias/moves', TargetKeyId: keyId(second) })
      return outcome(await sign('alias/moves')(kms), second)
    },
  },
  {
    title: 'an alias is made once',
    ask: async (kms) => {
      const TargetKeyId = await newKey(kms)
      await kms.createAlias({ AliasName: 'alias/made-once', TargetKeyId })
      return failure(kms, (api) => api.createAlias({ AliasName: 'alias/made-once', TargetKeyId }))
    },
  },
  {
    title: 'a missing alias is not moved',
    ask: async (kms) => {
      const TargetKeyId = await newKey(kms)
      return failure(kms, (api) => api.updateAlias({ AliasName: 'alias/not-there', TargetKeyId }))
    },
  },
  {
    title: 'a deleted alias names nothing',
    ask: async (kms) => {
      await kms.createAlias({ AliasName: 'alias/deleted', TargetKeyId: await newKey(kms) })
      await kms.deleteAlias({ AliasName: 'alias/deleted' })
      return failure(kms, sign('alias/deleted'))
    },
  },
  {
    title: 'a dry run signs nothing',
    ask: async (kms) => failure(kms, sign(await newKey(kms), { DryRun: true })),
  },
  {
    title: 'a symmetric key shows no public key',
    ask: async (kms) => {
      const KeyId = await newKey(kms, { KeySpec: 'SYMMETRIC_DEFAULT', KeyUsage: 'ENCRYPT_DECRYPT' })
      return failure(kms, (api) => api.getPublicKey({ KeyId }))
    },
  },
  {
    title: 'a key for encryption does not sign',
    ask: async (kms) => {
      const key = await newKey(kms, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' })
      return failure(kms, sign(key, { SigningAlgorithm: 'RSASSA_PSS_SHA_256' }))
    },
  },
]

async function newKey(
  kms: KMS,
  request: CreateKeyCommandInput = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
): Promise<string> {
  const { KeyMetadata } = await kms.createKey(request)
  return KeyMetadata?.Arn ?? ''
}

function keyId(arn: string): string {
  return arn.replace(/^.*\//, '')
}

async function describeNewKey(kms: KMS, spec: (typeof KEY_SPECS)[number]): Promise<unknown> {
  const KeyId = await newKey(kms, { KeySpec: spec, KeyUsage: 'SIGN_VERIFY' })
  const { KeyMetadata = { KeyId: '' } } = await kms.describeKey({ KeyId })
  const { KeySpec, KeyUsage, KeyState, Enabled, Origin, KeyManager, MultiRegion } = KeyMetadata
  const shown = await kms.getPublicKey({ KeyId })
  return {
    metadata: { KeySpec, KeyUsage, KeyState, Enabled, Origin, KeyManager, MultiRegion },
    algorithms: KeyMetadata.SigningAlgorithms,
    publicKey: {
      isNamedByArn: shown.KeyId === KeyId,
      algorithms: shown.SigningAlgorithms,
      spec: shown.KeySpec,
      usage: shown.KeyUsage,
      details: describePublicKey(shown),
    },
  }
}

function describePublicKey({ PublicKey = new Uint8Array() }: GetPublicKeyCommandOutput): unknown {
  const key = createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' })
  const { namedCurve, modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {}
  return { kind: key.asymmetricKeyType, namedCurve, modulusLength, e: publicExponent?.toString() }
}

/** Signs, and checks with node what came out: PSS only with a salt as long as the digest. */
async function signAndCheck(
  kms: KMS,
  request: {
    readonly spec: (typeof KEY_SPECS)[number]
    readonly algorithm: SigningAlgorithmSpec
    readonly type: 'DIGEST' | 'RAW'
  },
): Promise<unknown> {
  const { spec, algorithm, type } = request
  const hash = `sha${algorithm.slice(-3)}`
  const key = await newKey(kms, { KeySpec: spec, KeyUsage: 'SIGN_VERIFY' })
  const digest = createHash(hash).update(MESSAGE).digest()
  const Message = type === 'RAW' ? MESSAGE : digest
  const asked = { Message, MessageType: type, SigningAlgorithm: algorithm }
  const answer = await sign(key, asked)(kms)
  const { PublicKey = new Uint8Array() } = await kms.getPublicKey({ KeyId: key })
  const publicKey = createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' })
  const padding = algorithm.includes('PSS')
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: digest.length }
    : {}
  const signature = answer.Signature ?? Buffer.alloc(0)
  const isValid = verify(hash, MESSAGE, { key: publicKey, ...padding }, signature)
  return { ...outcome(answer, key), isValid }
}

type Ask<T> = (kms: KMS) => Promise<T>

function sign(KeyId: string, request: Partial<SignCommandInput> = {}) {
  return (kms: KMS) =>
    kms.sign({
      KeyId,
      Message: createHash('sha256').update(MESSAGE).digest(),
      MessageType: 'DIGEST',
      SigningAlgorithm: 'ECDSA_SHA_256',
      ...request,
    })
}

function outcome(answer: SignCommandOutput, key: string): object {
  return { isNamedByArn: answer.KeyId === key, algorithm: answer.SigningAlgorithm }
}

/** Name, status and text of the error a request fails with; ids are replaced. */
async function failure(kms: KMS, ask: Ask<unknown>): Promise<string> {
  const error = await ask(kms).then(
    () => undefined,
    (thrown: unknown) => thrown as KMSServiceException,
  )
  if (error === undefined) return 'no failure'
  const text = error.message
    .replaceAll(/\b[0-9]{12}\b/g, 'ACCOUNT')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'ID')
  return `${error.name} ${error.$metadata.httpStatusCode ?? 0}: ${text}`
}
