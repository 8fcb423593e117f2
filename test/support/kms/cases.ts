/**
 * The behaviour of AWS KMS, seen through the real SDK, in cases that run against any endpoint: the double
 * here, independent emulators elsewhere. They hold the double to the same truth as the others.
 */
import type { KeySpec, KMS, SigningAlgorithmSpec } from '@aws-sdk/client-kms'
import { constants, createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { expect } from 'vitest'
import { failure, MESSAGE } from './sdk.ts'

/** What not every emulator can do. */
export type KmsCapability =
  'dry-run' | 'ed25519' | 'last-usage' | 'message-length' | 'pending-import' | 'algorithm-fit'

/** One thing KMS does. */
export interface KmsCase {
  readonly name: string
  readonly needs?: KmsCapability
  /** Runs against a connection without retries; makes the keys it needs. */
  readonly run: (kms: KMS) => Promise<void>
}

interface Made {
  readonly arn: string
  readonly publicKey: KeyObject
}

async function makeKey(kms: KMS, spec: KeySpec = 'ECC_NIST_P256'): Promise<Made> {
  const { KeyMetadata } = await kms.createKey({ KeySpec: spec, KeyUsage: 'SIGN_VERIFY' })
  const arn = KeyMetadata?.Arn ?? ''
  const { KeyId, PublicKey = new Uint8Array() } = await kms.getPublicKey({ KeyId: arn })
  expect(KeyId).toBe(arn)
  const key = Buffer.from(PublicKey)
  return { arn, publicKey: createPublicKey({ key, format: 'der', type: 'spki' }) }
}

const digestOf = (algorithm: string): Uint8Array =>
  createHash(`sha${algorithm.slice(-3)}`)
    .update(MESSAGE)
    .digest()

const signWith = (kms: KMS, KeyId: string, DryRun?: boolean): Promise<unknown> =>
  kms.sign({
    KeyId,
    Message: digestOf('ECDSA_SHA_256'),
    MessageType: 'DIGEST',
    SigningAlgorithm: 'ECDSA_SHA_256',
    DryRun,
  })

const SIGNATURES: readonly (readonly [KeySpec, SigningAlgorithmSpec, object])[] = [
  ['ECC_NIST_P256', 'ECDSA_SHA_256', {}],
  ['ECC_NIST_P384', 'ECDSA_SHA_384', {}],
  ['ECC_NIST_P521', 'ECDSA_SHA_512', {}],
  ...(['256', '384', '512'] as const).flatMap(
    (bits): readonly (readonly [KeySpec, SigningAlgorithmSpec, object])[] => [
      ['RSA_2048', `RSASSA_PKCS1_V1_5_SHA_${bits}`, { padding: constants.RSA_PKCS1_PADDING }],
      [
        'RSA_2048',
        `RSASSA_PSS_SHA_${bits}`,
        { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: Number(bits) / 8 },
      ],
    ],
  ),
]

/** A message and its digest are signed to the same end, as node:crypto and KMS itself check it. */
function signs([spec, algorithm, padding]: (typeof SIGNATURES)[number]): KmsCase {
  return {
    name: `${algorithm} signs a message and its digest alike`,
    run: async (kms) => {
      const { arn, publicKey } = await makeKey(kms, spec)
      const hash = `sha${algorithm.slice(-3)}`
      for (const MessageType of ['RAW', 'DIGEST'] as const) {
        const Message = MessageType === 'RAW' ? MESSAGE : digestOf(algorithm)
        const request = { KeyId: arn, SigningAlgorithm: algorithm, MessageType, Message }
        const { KeyId, Signature = new Uint8Array() } = await kms.sign(request)
        expect(KeyId).toBe(arn)
        expect(verify(hash, MESSAGE, { key: publicKey, ...padding }, Signature)).toBe(true)
        expect((await kms.verify({ ...request, Signature })).SignatureValid).toBe(true)
        const changed = { ...request, Message: Buffer.from(Message).fill(1), Signature }
        expect(await failure(kms.verify(changed))).toMatch(/^KMSInvalidSignatureException 400/)
      }
    },
  }
}

/** Every case. */
export const KMS_CASES: readonly KmsCase[] = [
  ...SIGNATURES.map(signs),

  {
    name: 'Ed25519 signs messages, never digests',
    needs: 'ed25519',
    run: async (kms) => {
      const { arn, publicKey } = await makeKey(kms, 'ECC_NIST_EDWARDS25519')
      const SigningAlgorithm = 'ED25519_SHA_512'
      const request = { KeyId: arn, SigningAlgorithm, Message: MESSAGE } as const

      const { Signature = new Uint8Array() } = await kms.sign({ ...request, MessageType: 'RAW' })

      expect(verify(null, MESSAGE, publicKey, Signature)).toBe(true)
      const digest = { ...request, MessageType: 'DIGEST', Message: new Uint8Array(64) } as const
      expect(await failure(kms.sign(digest))).toMatch(/^ValidationException 400/)
    },
  },

  {
    name: 'a digest of the wrong length is refused',
    run: async (kms) => {
      const { arn } = await makeKey(kms)
      const request = { KeyId: arn, SigningAlgorithm: 'ECDSA_SHA_256' } as const
      const digest = { ...request, MessageType: 'DIGEST', Message: new Uint8Array(20) } as const

      expect(await failure(kms.sign(digest))).toMatch(/^ValidationException 400/)
    },
  },

  {
    name: 'a message over 4096 bytes is refused',
    needs: 'message-length',
    run: async (kms) => {
      const { arn } = await makeKey(kms)
      const request = { KeyId: arn, SigningAlgorithm: 'ECDSA_SHA_256' } as const

      await expect(kms.sign({ ...request, Message: new Uint8Array(4096) })).resolves.toBeDefined()
      expect(await failure(kms.sign({ ...request, Message: new Uint8Array(4097) }))).toMatch(
        /^ValidationException 400: 1 validation error detected/,
      )
    },
  },

  {
    name: 'a key signs with its own algorithms only',
    needs: 'algorithm-fit',
    run: async (kms) => {
      const { arn } = await makeKey(kms, 'ECC_NIST_P384')

      expect(await failure(signWith(kms, arn))).toBe(
        'InvalidKeyUsageException 400: Algorithm ECDSA_SHA_256 is incompatible with key spec ECC_NIST_P384.',
      )
    },
  },

  {
    name: 'a key for encryption does not sign',
    run: async (kms) => {
      const { KeyMetadata } = await kms.createKey({
        KeySpec: 'RSA_2048',
        KeyUsage: 'ENCRYPT_DECRYPT',
      })
      const arn = KeyMetadata?.Arn ?? ''

      expect(await failure(signWith(kms, arn))).toBe(
        `InvalidKeyUsageException 400: ${arn} key usage is ENCRYPT_DECRYPT which is not valid for Sign.`,
      )
    },
  },

  {
    name: 'a disabled key signs nothing and can be described',
    run: async (kms) => {
      const { arn } = await makeKey(kms)
      await kms.disableKey({ KeyId: arn })

      expect(await failure(signWith(kms, arn))).toBe(`DisabledException 400: ${arn} is disabled.`)
      expect((await kms.describeKey({ KeyId: arn })).KeyMetadata?.KeyState).toBe('Disabled')
      await kms.enableKey({ KeyId: arn })
      await expect(signWith(kms, arn)).resolves.toBeDefined()
    },
  },

  {
    name: 'a key that waits for deletion signs nothing, and can be saved',
    run: async (kms) => {
      const { arn } = await makeKey(kms)
      await kms.scheduleKeyDeletion({ KeyId: arn, PendingWindowInDays: 7 })

      expect(await failure(signWith(kms, arn))).toBe(
        `KMSInvalidStateException 400: ${arn} is pending deletion.`,
      )
      expect((await kms.describeKey({ KeyId: arn })).KeyMetadata).toMatchObject({
        KeyState: 'PendingDeletion',
        DeletionDate: expect.any(Date) as Date,
      })
      await kms.cancelKeyDeletion({ KeyId: arn })
      expect((await kms.describeKey({ KeyId: arn })).KeyMetadata?.KeyState).toBe('Disabled')
    },
  },

  {
    name: 'a key without its material signs nothing',
    needs: 'pending-import',
    run: async (kms) => {
      const { KeyMetadata } = await kms.createKey({
        KeySpec: 'ECC_NIST_P256',
        KeyUsage: 'SIGN_VERIFY',
        Origin: 'EXTERNAL',
      })
      const arn = KeyMetadata?.Arn ?? ''

      expect(KeyMetadata?.KeyState).toBe('PendingImport')
      expect(await failure(signWith(kms, arn))).toBe(
        `KMSInvalidStateException 400: ${arn} is pending import.`,
      )
    },
  },

  {
    name: 'aliases name keys, move, go, and are unique',
    run: async (kms) => {
      const [first, second] = [await makeKey(kms), await makeKey(kms)]
      const AliasName = `alias/case-${first.arn.slice(-12)}`
      const aliasArn = first.arn.replace(/key\/.*/, AliasName)
      const owner = async (KeyId: string): Promise<string | undefined> =>
        (await kms.getPublicKey({ KeyId })).KeyId

      expect(await failure(kms.describeKey({ KeyId: AliasName }))).toMatch(/^NotFoundException 400/)
      await kms.createAlias({ AliasName, TargetKeyId: first.arn })
      expect(await owner(AliasName)).toBe(first.arn)
      expect(await owner(aliasArn)).toBe(first.arn)
      expect(await failure(kms.createAlias({ AliasName, TargetKeyId: second.arn }))).toBe(
        `AlreadyExistsException 400: An alias with the name ${aliasArn} already exists`,
      )
      await kms.updateAlias({ AliasName, TargetKeyId: second.arn.replace(/.*key\//, '') })
      expect(await owner(AliasName)).toBe(second.arn)
      await kms.deleteAlias({ AliasName })
      expect(await failure(owner(AliasName))).toMatch(/^NotFoundException 400/)
    },
  },

  {
    name: 'a missing key is not found by its id',
    run: async (kms) => {
      const { arn } = await makeKey(kms)
      const missing = arn.replace(/key\/.*/, 'key/00000000-0000-4000-8000-000000000000')

      expect(await failure(kms.describeKey({ KeyId: missing }))).toBe(
        `NotFoundException 400: Key '${missing}' does not exist`,
      )
    },
  },

  {
    name: 'a dry run checks everything and signs nothing',
    needs: 'dry-run',
    run: async (kms) => {
      const { arn } = await makeKey(kms)

      expect(await failure(signWith(kms, arn, true))).toBe(
        'DryRunOperationException 400: The request would have succeeded, but the DryRun option is set.',
      )
      await kms.disableKey({ KeyId: arn })
      expect(await failure(signWith(kms, arn, true))).toMatch(/^DisabledException 400/)
    },
  },

  {
    name: 'the last use of a key is known',
    needs: 'last-usage',
    run: async (kms) => {
      const { arn } = await makeKey(kms)
      expect((await kms.getKeyLastUsage({ KeyId: arn })).KeyLastUsage).toEqual({})

      await signWith(kms, arn)

      expect((await kms.getKeyLastUsage({ KeyId: arn })).KeyLastUsage?.Operation).toBe('Sign')
    },
  },

  {
    name: 'tags are kept',
    run: async (kms) => {
      const { arn } = await makeKey(kms)
      const Tags = [{ TagKey: 'countersign:alias', TagValue: 'alias/release' }]

      await kms.tagResource({ KeyId: arn, Tags })

      expect((await kms.listResourceTags({ KeyId: arn })).Tags).toEqual(Tags)
    },
  },
]
