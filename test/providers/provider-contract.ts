/**
 * What every provider does, in the same cases under the same names, whatever holds its keys.
 *
 * @packageDocumentation
 */
import { constants, createHash, createPublicKey, verify } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ALGORITHM_NAMES, ALGORITHMS, type AlgorithmName } from '../../src/crypto/algorithms.ts'
import type { PublicKeyInfo } from '../../src/crypto/public-key.ts'
import { verifyMessage } from '../../src/crypto/verify.ts'
import {
  canCreateOnce,
  canDestroy,
  type KeyDestroyer,
  type RepeatableCreation,
} from '../../src/providers/key-lifecycle.ts'
import type { KeyUri } from '../../src/providers/key-uri.ts'
import type { KeyProvider } from '../../src/providers/provider.ts'
import { assertDigestSigner, isDigestSigner } from '../../src/signing/signer.ts'

/** A provider with an empty backend of its own. */
export interface ProviderUnderTest {
  readonly provider: KeyProvider
  /** A reference to a key of this name, whether there is one or not. */
  readonly uriFor: (name: string) => KeyUri
  /** The same for a key that is made once under a mark; default: as `uriFor`. */
  readonly onceFor?: (name: string, mark: string) => KeyUri
  /** Releases the backend, after the provider was disposed. */
  readonly cleanup: () => Promise<void> | void
}

/** One provider's side of the contract. */
export interface ProviderContract {
  /** What the provider can make and sign with. */
  readonly algorithms: readonly AlgorithmName[]
  /** What the provider can and this backend can't: nothing is asked about these. */
  readonly missingInBackend?: readonly AlgorithmName[]
  /** Whether a key signs with the algorithm that it was made for alone; default: an RSA key signs with each of RSA. */
  readonly hasFixedAlgorithms?: boolean
  /** Whether keys of an algorithm sign digests made elsewhere. */
  readonly supportsDigest: (algorithm: AlgorithmName) => boolean
  /** Puts an RSA key of 1024 bits where a reference points; left out where no backend holds one. */
  readonly placeWeakRsaKey?: (uri: KeyUri) => Promise<void>
  /** Makes a provider over a fresh backend; called more than once. */
  readonly setup: () => Promise<ProviderUnderTest>
}

const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const

const MARK = '1'.repeat(32)

const MESSAGE = Buffer.from('a message that says what is signed')

/** The node:crypto options that check a signature; written out, so as not to repeat the code's own table. */
const NODE_CHECK: Readonly<Record<AlgorithmName, readonly [hash: string | null, object]>> = {
  ES256: ['sha256', { dsaEncoding: 'ieee-p1363' }],
  ES384: ['sha384', { dsaEncoding: 'ieee-p1363' }],
  ES512: ['sha512', { dsaEncoding: 'ieee-p1363' }],
  RS256: ['sha256', { padding: constants.RSA_PKCS1_PADDING }],
  RS384: ['sha384', { padding: constants.RSA_PKCS1_PADDING }],
  RS512: ['sha512', { padding: constants.RSA_PKCS1_PADDING }],
  PS256: ['sha256', { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }],
  PS384: ['sha384', { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 }],
  PS512: ['sha512', { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 }],
  EdDSA: [null, {}],
  Ed25519: [null, {}],
}

function nodeAccepts(key: PublicKeyInfo, message: Uint8Array, signature: Uint8Array): boolean {
  const [hash, options] = NODE_CHECK[key.algorithm.name]
  const publicKey = createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' })
  return verify(hash, message, { key: publicKey, ...options }, signature)
}

function digestFor(algorithm: AlgorithmName, message: Uint8Array): Uint8Array {
  return createHash(NODE_CHECK[algorithm][0] ?? 'sha512')
    .update(message)
    .digest()
}

function lifecycleOf(provider: KeyProvider): KeyProvider & RepeatableCreation & KeyDestroyer {
  if (canCreateOnce(provider) && canDestroy(provider)) return provider
  throw new TypeError('a provider that keeps private keys makes them once and destroys them')
}

/** Runs the contract against one provider. */
export function describeProviderContract(name: string, contract: ProviderContract): void {
  const { algorithms, missingInBackend = [], supportsDigest, placeWeakRsaKey, setup } = contract
  const rsa = RSA_ALGORITHMS.filter((algorithm) =>
    contract.hasFixedAlgorithms === true ? algorithm === 'RS256' : algorithms.includes(algorithm),
  )
  const known = [...algorithms, ...missingInBackend]
  const unsupported = ALGORITHM_NAMES.filter((algorithm) => !known.includes(algorithm))

  describe(`${name} provider`, () => {
    let subject: ProviderUnderTest
    const keys = new Map<AlgorithmName, Promise<KeyUri>>()

    /** The key of an algorithm, made when it is first asked for. */
    function keyOf(algorithm: AlgorithmName): Promise<KeyUri> {
      const uri = subject.uriFor(`contract-${algorithm}`)
      const known =
        keys.get(algorithm) ?? subject.provider.create({ uri, algorithm, rsaBits: 2048 })
      keys.set(algorithm, known)
      return known
    }

    function onceFor(name: string, mark: string): KeyUri {
      return subject.onceFor?.(name, mark) ?? subject.uriFor(name)
    }

    beforeAll(async () => {
      subject = await setup()
    })

    afterAll(async () => {
      await subject.provider[Symbol.asyncDispose]()
      await subject.cleanup()
    })

    test.each(algorithms)('makes a key for %s and signs with it', async (algorithm) => {
      const signer = await subject.provider.open(await keyOf(algorithm), { algorithm })

      const signature = await signer.sign(MESSAGE)

      expect(signer.key.algorithm).toBe(ALGORITHMS[algorithm])
      expect(nodeAccepts(signer.key, MESSAGE, signature)).toBe(true)
      expect(verifyMessage(signer.key, MESSAGE, signature)).toBe(true)
      expect(verifyMessage(signer.key, Buffer.from('another message'), signature)).toBe(false)
    })

    test.each(algorithms)('signs an empty and a longer message with %s', async (algorithm) => {
      const signer = await subject.provider.open(await keyOf(algorithm), { algorithm })

      for (const message of [Buffer.alloc(0), Buffer.alloc(4000, 'm')]) {
        expect(nodeAccepts(signer.key, message, await signer.sign(message))).toBe(true)
      }
    })

    test.each(algorithms.filter(supportsDigest))(
      'signs a digest with %s as it signs the message',
      async (algorithm) => {
        const signer = await subject.provider.open(await keyOf(algorithm), { algorithm })
        assertDigestSigner(signer)

        const signature = await signer.signDigest(digestFor(algorithm, MESSAGE))

        expect(nodeAccepts(signer.key, MESSAGE, signature)).toBe(true)
      },
    )

    test.each(algorithms.filter(supportsDigest))(
      'refuses a digest of the wrong length with %s',
      async (algorithm) => {
        const signer = await subject.provider.open(await keyOf(algorithm), { algorithm })
        assertDigestSigner(signer)

        await expect(signer.signDigest(new Uint8Array(20))).rejects.toThrow(RangeError)
      },
    )

    test.each(algorithms.filter((algorithm) => !supportsDigest(algorithm)))(
      'says what to use instead of a digest with %s',
      async (algorithm) => {
        const signer = await subject.provider.open(await keyOf(algorithm), { algorithm })

        expect(isDigestSigner(signer)).toBe(false)
        expect(() => {
          assertDigestSigner(signer)
        }).toThrow(
          expect.objectContaining({
            code: 'ERR_OPERATION_UNSUPPORTED',
            hint: expect.stringContaining('ES256') as string,
          }),
        )
      },
    )

    test.each(algorithms)('describes the %s key that it opens', async (algorithm) => {
      const uri = await keyOf(algorithm)

      const key = await subject.provider.describe(uri, { algorithm })

      const { key: opened } = await subject.provider.open(uri, { algorithm })
      expect(key.kid).toBe(opened.kid)
      expect(key.spki).toEqual(opened.spki)
      expect(key.algorithm).toBe(opened.algorithm)
    })

    test('finds a key by the reference it was asked to make', async () => {
      const made = await keyOf('ES256')

      const asked = subject.uriFor('contract-ES256')

      const { kid } = await subject.provider.describe(made)
      expect((await subject.provider.describe(asked)).kid).toBe(kid)
    })

    test.each(rsa)('signs with an RSA key as %s when asked to', async (algorithm) => {
      const signer = await subject.provider.open(await keyOf('RS256'), { algorithm })

      const signature = await signer.sign(MESSAGE)

      expect(signer.key.algorithm).toBe(ALGORITHMS[algorithm])
      expect(nodeAccepts(signer.key, MESSAGE, signature)).toBe(true)
    })

    test('refuses an algorithm that does not fit the key', async () => {
      const uri = await keyOf('ES256')

      for (const algorithm of ['ES384', 'RS256'] as const) {
        const refusal = { code: 'ERR_KEY_INVALID' }
        await expect(subject.provider.open(uri, { algorithm })).rejects.toMatchObject(refusal)
        await expect(subject.provider.describe(uri, { algorithm })).rejects.toMatchObject(refusal)
      }
    })

    test('knows no key that was never made', async () => {
      const uri = subject.uriFor('contract-nowhere')

      const refusal = { code: 'ERR_KEY_NOT_FOUND' }
      await expect(subject.provider.open(uri)).rejects.toMatchObject(refusal)
      await expect(subject.provider.describe(uri)).rejects.toMatchObject(refusal)
    })

    test('makes no second key of the same name', async () => {
      const { kid } = await subject.provider.describe(await keyOf('ES256'))
      const uri = subject.uriFor('contract-ES256')

      await expect(subject.provider.create({ uri, algorithm: 'ES256' })).rejects.toMatchObject({
        code: 'ERR_KEY_EXISTS',
      })

      expect((await subject.provider.describe(uri)).kid).toBe(kid)
    })

    test('makes a key once, however often the making is repeated', async () => {
      const provider = lifecycleOf(subject.provider)
      const request = {
        uri: onceFor('once', MARK),
        algorithm: 'ES256',
        mark: MARK,
      } as const

      const made = await provider.createOnce({ ...request, isRepeated: false })
      const again = await provider.createOnce({ ...request, isRepeated: true })

      expect(again).toEqual(made)
      const { key } = await provider.open(again, { algorithm: 'ES256' })
      expect((await provider.describe(made)).kid).toBe(key.kid)
    })

    test('makes the key of a repeated call where the first got nowhere', async () => {
      const provider = lifecycleOf(subject.provider)
      const mark = MARK.replaceAll('1', '2')
      const uri = onceFor('late', mark)

      const made = await provider.createOnce({ uri, algorithm: 'ES256', mark, isRepeated: true })

      const signer = await provider.open(made)
      expect(nodeAccepts(signer.key, MESSAGE, await signer.sign(MESSAGE))).toBe(true)
    })

    test('takes no key for its own that was there before', async () => {
      const provider = lifecycleOf(subject.provider)
      const mark = MARK.replaceAll('1', '3')
      await keyOf('ES256')
      const uri = onceFor('contract-ES256', mark)

      await expect(
        provider.createOnce({ uri, algorithm: 'ES256', mark, isRepeated: false }),
      ).rejects.toMatchObject({ code: 'ERR_KEY_EXISTS' })
    })

    test('destroys the given key, and may be called twice', async () => {
      const provider = lifecycleOf(subject.provider)
      const mark = MARK.replaceAll('1', '4')
      const request = { uri: onceFor('doomed', mark), algorithm: 'ES256', mark } as const
      const uri = await provider.createOnce({ ...request, isRepeated: false })
      const publicKey = await provider.describe(uri)

      await provider.destroy({ uri, publicKey })
      await provider.destroy({ uri, publicKey })

      const code = expect.stringMatching(/^ERR_KEY_NOT_(FOUND|USABLE)$/) as string
      await expect(provider.open(uri)).rejects.toMatchObject({ code })
    })

    test('makes no RSA key under 2048 bits', async () => {
      const uri = subject.uriFor('contract-weak')
      const request = { uri, algorithm: 'RS256', rsaBits: 1024 as 2048 } as const

      await expect(subject.provider.create(request)).rejects.toMatchObject({
        code: 'ERR_KEY_INVALID',
      })
    })

    test.each(placeWeakRsaKey === undefined ? [] : [placeWeakRsaKey])(
      'opens no RSA key of 1024 bits',
      async (place) => {
        const uri = subject.uriFor('contract-imported-weak')
        await place(uri)

        const refusal = { code: 'ERR_KEY_INVALID' }
        await expect(subject.provider.open(uri)).rejects.toMatchObject(refusal)
        await expect(subject.provider.describe(uri)).rejects.toMatchObject(refusal)
      },
    )

    test.each([...unsupported, 'none' as AlgorithmName])(
      'makes no key for %s',
      async (algorithm) => {
        const uri = subject.uriFor(`contract-${algorithm}`)

        await expect(subject.provider.create({ uri, algorithm })).rejects.toMatchObject({
          code: 'ERR_ALGORITHM_UNSUPPORTED',
        })
      },
    )

    test('makes 50 signatures at once, all of them good', async () => {
      const signer = await subject.provider.open(await keyOf('ES256'))
      const messages = Array.from({ length: 50 }, (_, index) => Buffer.from(`message ${index}`))

      const signatures = await Promise.all(messages.map((message) => signer.sign(message)))

      const good = messages.filter((message, index) =>
        nodeAccepts(signer.key, message, signatures[index] ?? Buffer.alloc(0)),
      )
      expect(good).toHaveLength(50)
    })

    test('does nothing for a caller that aborted', async () => {
      const uri = await keyOf('ES256')
      const signer = await subject.provider.open(uri)
      const signal = AbortSignal.abort()
      const fresh = subject.uriFor('contract-cancelled')

      const refusal = { code: 'ERR_CANCELLED' }
      await expect(signer.sign(MESSAGE, { signal })).rejects.toMatchObject(refusal)
      await expect(subject.provider.open(uri, { signal })).rejects.toMatchObject(refusal)
      await expect(subject.provider.describe(uri, { signal })).rejects.toMatchObject(refusal)
      await expect(
        subject.provider.create({ uri: fresh, algorithm: 'ES256', signal }),
      ).rejects.toMatchObject(refusal)
      await expect(subject.provider.describe(fresh)).rejects.toMatchObject({
        code: 'ERR_KEY_NOT_FOUND',
      })
    })

    test('refuses every call once it is disposed, and is disposed twice without harm', async () => {
      const { provider, uriFor, cleanup } = await setup()
      const uri = uriFor('contract-disposed')

      await provider[Symbol.asyncDispose]()
      await provider[Symbol.asyncDispose]()

      const refusal = { code: 'ERR_PROVIDER_UNAVAILABLE' }
      await expect(provider.open(uri)).rejects.toMatchObject(refusal)
      await expect(provider.describe(uri)).rejects.toMatchObject(refusal)
      await expect(provider.create({ uri, algorithm: 'ES256' })).rejects.toMatchObject(refusal)
      await cleanup()
    })
  })
}
