/** Callers without types pass anything: that is their mistake, and never reported as a bug of ours. */
import fc from 'fast-check'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import * as library from '../../src/index.ts'
import { createIssuerKeySet } from '../../src/jose.ts'
import { pinKey } from '../../src/verification/trust.ts'
import { testSigner } from '../support/signers.ts'
import { CountersignError } from '../../src/errors.ts'

type Callable = (...args: readonly unknown[]) => unknown

const FUNCTIONS = Object.entries({ ...library, createIssuerKeySet }).filter(
  (entry): entry is [string, Callable] =>
    typeof entry[1] === 'function' && entry[0] !== 'CountersignError',
)

/** Values of every type, and objects that have members of wrong types. */
const anything = fc.oneof(
  fc.constantFrom(undefined, null, true, 0, -1, Number.NaN, 1n, '', 'x', Symbol.iterator),
  fc.constantFrom([], [undefined], {}, new Date(Number.NaN), /x/, new Uint8Array(3), () => 7),
  fc.string(),
  fc.object({ maxDepth: 2 }),
  fc.uint8Array({ maxLength: 40 }),
)

const signer = testSigner()
const trust = { keys: [pinKey(signer.key)] }
const artifacts = await library.openSigner({ signer })
const context = { trust, policy: library.SIGNATURE_POLICY, now: new Date(0) }
const predicate = { predicateType: 'https://example.com/tests/v1', predicate: {} }

/** Right arguments, where a file or an image that is not there is the first thing to be missed. */
const CALLS: Readonly<Record<string, readonly [Callable, ...Readonly<Record<string, unknown>>[]]>> =
  {
    openSigner: [
      (a) => library.openSigner(a as never),
      { signer, trust, use: 'artifact', now: () => new Date() },
    ],
    'openSigner of a file': [
      (a) => library.openSigner('absent.pem', a as never),
      { algorithm: 'ES256', passphrase: '', pin: '', env: {}, now: () => new Date() },
    ],
    openKey: [
      (a) => library.openKey('absent.pem', a as never),
      { algorithm: 'ES256', passphrase: '', pin: '', env: {} },
    ],
    signFile: [
      (a) => library.signFile(a as never),
      {
        signer: artifacts,
        path: 'absent',
        bundle: 'b',
        existing: 'refuse',
        registry: {},
        now: () => new Date(),
      },
    ],
    signImage: [
      (a) => library.signImage(a as never),
      {
        signer: artifacts,
        image: 'oci-layout://absent',
        format: 'both',
        attach: true,
        annotations: {},
        registry: { plainHttp: true },
      },
    ],
    attest: [
      (a) => library.attest(a as never),
      { signer: artifacts, artifacts: ['absent'], predicate, existing: 'append' },
    ],
    verifyFile: [
      (a) => library.verifyFile(a as never),
      {
        path: 'absent',
        trust,
        policy: { threshold: 1, annotations: {}, evidence: { logEntries: 0, times: 0 } },
        bundle: 'b',
        registry: { ca: 'ca.pem' },
      },
    ],
    verifyImage: [
      (a) => library.verifyImage(a as never),
      {
        image: 'oci-layout://absent',
        trust,
        policy: { predicateTypes: ['a'] },
        format: 'auto',
        maxAttached: 5,
      },
    ],
    verifyBundle: [
      (a) => library.verifyBundle(Buffer.from('{}'), library.digestArtifact('a', []), a as never),
      context,
    ],
    examineToken: [
      (a) => library.examineToken('a.b.c', a as never),
      {
        keys: [],
        policy: { issuer: 'a', audience: 'b', type: 'JWT', clockSkewSeconds: 5, requireKid: true },
        now: new Date(0),
      },
    ],
    createIssuerKeySet: [
      (a) => createIssuerKeySet('https://sign.example.com', a as never),
      {
        cacheFile: 'a',
        maxStaleSeconds: 5,
        algorithms: ['RS256'],
        ca: 'pem',
        env: {},
        now: () => new Date(),
      },
    ],
    toSigstoreSigner: [
      (a) => library.toSigstoreSigner(a as never),
      { key: signer.key, sign: (message: Uint8Array) => signer.sign(message) },
    ],
  }

/** Options whose members are not the caller's to write. */
const OPAQUE = ['signer', 'key']

/** Every way to replace one member of an object, at any depth, by a wrong value. */
function* spoiled(right: Readonly<Record<string, unknown>>, value: unknown): Generator {
  for (const [name, member] of Object.entries(right)) {
    yield { ...right, [name]: value }
    if (!isRecord(member) || OPAQUE.includes(name)) continue
    for (const inner of spoiled(member, value)) yield { ...right, [name]: inner }
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  )
}

/** What a call ended with: nothing, or what it threw. */
async function thrownBy(call: () => unknown): Promise<unknown> {
  try {
    await call()
    return undefined
  } catch (error) {
    return error
  }
}

test('there are functions to call', () => {
  expect(FUNCTIONS.length).toBeGreaterThan(40)
})

test.each(FUNCTIONS)('%s answers wrong arguments with a TypeError or a code', async (_, call) => {
  await fc.assert(
    fc.asyncProperty(fc.array(anything, { maxLength: 4 }), async (args) => {
      const thrown = await thrownBy(() => call(...args))
      if (CountersignError.is(thrown)) expect(thrown.code).not.toBe('ERR_INTERNAL')
      else if (thrown !== undefined) expect(thrown).toBeInstanceOf(TypeError)
    }),
    { numRuns: 200 },
  )
})

test.each(Object.entries(CALLS))(
  '%s: any wrong option is a TypeError that names it',
  async (_, [call, right]) => {
    const missed = await thrownBy(() => call(right))
    expect(missed).not.toBeInstanceOf(TypeError)
    if (missed !== undefined)
      expect(missed).toMatchObject({ code: expect.not.stringMatching('ERR_INTERNAL') as unknown })

    for (const value of [null, Number.NaN, 1n, [[7]], Symbol.iterator]) {
      for (const options of spoiled(right ?? {}, value)) {
        const thrown = await thrownBy(() => call(options))
        expect(thrown, inspect(options, { depth: 2 })).toBeInstanceOf(TypeError)
        expect((thrown as TypeError).message).toMatch(/^the (option|argument) /)
      }
    }
  },
)
