import { createHash, createVerify } from 'node:crypto'
import { expect, test } from 'vitest'
import { parseBundle } from '../../../src/formats/bundle.ts'
import { digestOf } from '../../../src/crypto/digest.ts'
import { CountersignError } from '../../../src/errors.ts'
import type { JsonObject } from '../../../src/formats/json.ts'
import { withoutLogEntries } from '../../../src/formats/log-entry.ts'
import { leafHash } from '../../../src/crypto/merkle.ts'
import { SIGN_PREDICATE_TYPE } from '../../../src/formats/predicates/types.ts'
import { verifyX509Message } from '../../../src/crypto/verify.ts'
import { parseSimpleSigning } from '../../../src/formats/simple-signing.ts'
import { readTimestampResponse } from '../../../src/timestamp/response.ts'
import { CREDENTIALS, NOW, startService, type TestServiceOptions } from '../../support/service.ts'
import { testSigner } from '../../support/signers.ts'

const FILE = Buffer.from('an artifact')
const DIGEST = digestOf(FILE)
const SIGNER = testSigner()

interface Answer {
  readonly results: readonly { readonly bundle: JsonObject; readonly problem: object }[]
}

function request(artifacts: unknown, headers: Readonly<Record<string, string>> = {}) {
  return {
    method: 'POST',
    url: '/v1/keys/release/signatures',
    headers: { ...CREDENTIALS, ...headers },
    payload: { artifacts },
  } as const
}

/** The same names, and a key that signs digests as they are. */
const DIGEST_KEYS: TestServiceOptions['keys'] = [
  { name: 'release', use: 'digest' },
  { name: 'tsa', use: 'timestamp', signer: testSigner('ES256', 'tsa') },
]

const ONE_FILE = request([{ digest: DIGEST, kind: 'file', name: 'app.tar.gz' }])

test('a file is signed, stamped and logged before its bundle is released', async () => {
  const { app, log, store } = await startService()

  const answer = await app.inject(ONE_FILE)

  expect(answer.statusCode).toBe(200)
  expect(answer.json()).toMatchObject({
    key: 'release',
    version: 1,
    kid: SIGNER.key.kid,
    results: [{ digest: DIGEST, name: 'app.tar.gz', logIndex: 0 }],
  })
  const [result] = answer.json<Answer>().results
  const bytes = Buffer.from(JSON.stringify(withoutLogEntries(result?.bundle ?? {})))
  const bundle = parseBundle(bytes)
  expect(bundle).toMatchObject({
    signer: { kind: 'key', hint: SIGNER.key.hint },
    content: { kind: 'dsse' },
    timestamps: 1,
  })
  const [leaf = new Uint8Array()] = await store.transparencyLog.entries(0, 9)
  expect(await log()).toEqual([
    {
      type: 'signature',
      time: NOW,
      requestId: 'id-1',
      caller: { issuer: 'static', subject: 'tester', claims: {} },
      key: { name: 'release', version: 1, kid: SIGNER.key.kid },
      digests: [DIGEST],
      predicateType: SIGN_PREDICATE_TYPE,
      bundleSha256: createHash('sha256').update(bytes).digest('hex'),
      timestamp: { kid: testSigner('ES256', 'tsa').key.kid, time: NOW },
      backendRequestId: undefined,
      answerSha256: undefined,
      publicEntry: { index: 0, leafSha256: Buffer.from(leafHash(leaf)).toString('hex') },
    },
  ])
})

test('the time stamp in a bundle is over its signature', async () => {
  const { app } = await startService()

  const answer = await app.inject(ONE_FILE)

  const bundle = answer.json<{
    results: [
      {
        bundle: {
          dsseEnvelope: { signatures: [{ sig: string }] }
          verificationMaterial: {
            timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: string }] }
          }
        }
      },
    ]
  }>().results[0].bundle
  const [{ signedTimestamp }] =
    bundle.verificationMaterial.timestampVerificationData.rfc3161Timestamps
  const signature = Buffer.from(bundle.dsseEnvelope.signatures[0].sig, 'base64')
  const stamp = readTimestampResponse(Buffer.from(signedTimestamp, 'base64'))
  expect(stamp).toMatchObject({ digest: digestOf(signature), time: NOW })
})

test('a batch is answered in its order, a mistake in one leaves the others alone', async () => {
  const { app, log } = await startService({ keys: DIGEST_KEYS })
  const sha512 = digestOf(FILE, 'sha512')

  const answer = await app.inject(
    request([
      { digest: DIGEST, kind: 'file' },
      { digest: sha512, kind: 'file' },
      { digest: DIGEST, kind: 'file' },
    ]),
  )

  const { results } = answer.json<Answer>()
  expect(answer.statusCode).toBe(200)
  expect(results.map((result) => 'bundle' in result)).toEqual([true, false, true])
  expect(results[1]).toEqual({
    digest: sha512,
    problem: {
      type: 'urn:countersign:error:ERR_ALGORITHM_UNSUPPORTED',
      title: 'Algorithm unsupported',
      status: 400,
      code: 'ERR_ALGORITHM_UNSUPPORTED',
      detail: 'ES256 signs a sha256, not sha512',
      hint: "give the artifact's sha256 digest",
      requestId: 'id-1',
      retryable: false,
    },
  })
  expect((await log()).map(({ type }) => type).sort()).toEqual(['denial', 'signature', 'signature'])
})

test.each([
  [
    'a digest that is too short',
    [{ digest: 'sha256:abcd', kind: 'file' }],
    400,
    'ERR_REFERENCE_INVALID',
  ],
  [
    'a digest of an unknown hash',
    [{ digest: `md5:${'a'.repeat(32)}`, kind: 'file' }],
    400,
    'ERR_REFERENCE_INVALID',
  ],
  ['no artifact', [], 400, 'ERR_REQUEST_INVALID'],
  ['an unknown kind', [{ digest: DIGEST, kind: 'blob' }], 400, 'ERR_REQUEST_INVALID'],
  [
    'a misspelled member',
    [{ digest: DIGEST, kind: 'file', nmae: 'x' }],
    400,
    'ERR_REQUEST_INVALID',
  ],
])('%s is refused and signs nothing', async (_what, artifacts, status, code) => {
  const { app } = await startService()

  const answer = await app.inject(request(artifacts))

  expect(answer.statusCode).toBe(status)
  expect(answer.json()).toMatchObject({ code, hint: expect.any(String) as string })
})

test('an unknown key is not found, and the log records the caller', async () => {
  const { app, log } = await startService()

  const answer = await app.inject({ ...ONE_FILE, url: '/v1/keys/relaese/signatures' })

  expect(answer.statusCode).toBe(404)
  expect(answer.json()).toMatchObject({ code: 'ERR_KEY_NOT_FOUND' })
  expect(await log()).toMatchObject([
    { type: 'denial', action: 'sign', resource: 'relaese', code: 'ERR_KEY_NOT_FOUND' },
  ])
})

test('a time-stamp key signs no artifact', async () => {
  const { app } = await startService()

  const answer = await app.inject({ ...ONE_FILE, url: '/v1/keys/tsa/signatures' })

  expect(answer.statusCode).toBe(409)
  expect(answer.json()).toMatchObject({ code: 'ERR_KEY_NOT_USABLE' })
})

test('a request that no policy permits is denied, and its reason is only in the log', async () => {
  const policies = 'permit (principal, action == Action::"attest", resource);'
  const { app, log } = await startService({ policies })

  const answer = await app.inject(ONE_FILE)

  expect(answer.statusCode).toBe(403)
  expect(answer.json()).toMatchObject({
    code: 'ERR_NOT_ALLOWED',
    detail: 'action "sign" on key "release" is not allowed',
  })
  const entries = await log()
  expect(entries).toMatchObject([
    { type: 'denial', action: 'sign', resource: 'release', code: 'ERR_NOT_ALLOWED' },
  ])
  expect(JSON.stringify(entries)).toContain('no policy permits')
  expect(answer.body).not.toContain('no policy permits')
})

/** A service whose backend can't be reached, or can again. */
function withBackend(sign: () => Promise<never>): TestServiceOptions {
  const signer = { ...SIGNER, sign, signDigest: sign }
  return {
    keys: [
      { name: 'release', use: 'artifact', signer },
      { name: 'tsa', use: 'timestamp', signer: testSigner('ES256', 'tsa') },
    ],
  }
}

test('an outage of the backend fails the request, so that it is tried again', async () => {
  const outage = new CountersignError('ERR_PROVIDER_UNAVAILABLE', 'kms.internal is out of reach')
  const { app, log } = await startService(withBackend(() => Promise.reject(outage)))

  const answer = await app.inject({
    ...ONE_FILE,
    headers: { ...CREDENTIALS, 'idempotency-key': 'k-1' },
  })
  const again = await app.inject({
    ...ONE_FILE,
    headers: { ...CREDENTIALS, 'idempotency-key': 'k-1' },
  })

  expect(answer.statusCode).toBe(503)
  expect(answer.json()).toMatchObject({ code: 'ERR_PROVIDER_UNAVAILABLE', retryable: true })
  expect(again.statusCode).toBe(503)
  expect(JSON.stringify(await log())).not.toContain('kms.internal')
})

test('a batch fails if one artifact fails for an external reason, and may be retried', async () => {
  let calls = 0
  const throttled = new CountersignError('ERR_THROTTLED', 'the quota of the account is used up')
  const sign: typeof SIGNER.sign = (...asked) => {
    calls += 1
    return calls === 2 ? Promise.reject(throttled) : SIGNER.sign(...asked)
  }
  const keys: TestServiceOptions['keys'] = [
    { name: 'release', use: 'artifact', signer: { ...SIGNER, sign } },
    { name: 'tsa', use: 'timestamp', signer: testSigner('ES256', 'tsa') },
  ]
  const { app } = await startService({ keys })
  const file = { digest: DIGEST, kind: 'file' }
  const order = {
    ...request([file, file, file]),
    headers: { ...CREDENTIALS, 'idempotency-key': 'k-1' },
  }

  const answer = await app.inject(order)
  const again = await app.inject(order)

  expect(answer.statusCode).toBe(429)
  expect(answer.body).not.toContain('bundle')
  expect(again.statusCode).toBe(200)
  expect(again.json<Answer>().results.map((result) => 'bundle' in result)).toEqual([
    true,
    true,
    true,
  ])
})

test('nothing is released if the log cannot be written', async () => {
  const full = new CountersignError('ERR_LOG_UNAVAILABLE', 'the log could not be written')
  const { app } = await startService({
    parts: {
      appender: {
        append: () => Promise.reject(full),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      },
    },
  })

  const answer = await app.inject(ONE_FILE)

  expect(answer.statusCode).toBe(503)
  expect(answer.headers['retry-after']).toBe('5')
  expect(answer.json()).toMatchObject({ code: 'ERR_LOG_UNAVAILABLE', retryable: true })
  expect(answer.body).not.toContain('bundle')
})

test('a signature over a digest verifies with the public key and nothing of ours', async () => {
  const { app } = await startService({ keys: DIGEST_KEYS })
  const answer = await app.inject(request([{ digest: DIGEST, kind: 'file' }]))
  const [result] = answer.json<Answer>().results
  const { content } = parseBundle(Buffer.from(JSON.stringify(result?.bundle)))

  if (content.kind !== 'message') throw new Error('not a signature over a file')
  const verifier = createVerify('sha256').update(FILE)

  expect(verifier.verify(SIGNER.key.keyObject, content.signature)).toBe(true)
})

test('an image is signed in the older layout, by a payload that the service builds', async () => {
  const { app, log } = await startService()
  const image = { digest: DIGEST, kind: 'image', annotations: { env: 'prod' } }

  const answer = await app.inject(
    request([{ ...image, format: 'legacy', reference: 'registry.example/app' }]),
  )

  const [result] = answer.json<{ results: readonly { legacy: Record<string, string> }[] }>().results
  const payload = Buffer.from(result?.legacy['payload'] ?? '', 'base64')
  const signature = Buffer.from(result?.legacy['signature'] ?? '', 'base64')
  expect(parseSimpleSigning(payload)).toEqual({
    dockerReference: 'registry.example/app',
    imageDigest: DIGEST,
    annotations: { env: 'prod' },
  })
  expect(verifyX509Message(SIGNER.key, payload, signature)).toBe(true)
  expect(await log()).toMatchObject([
    {
      type: 'signature',
      digests: [DIGEST],
      predicateType: undefined,
      bundleSha256: createHash('sha256').update(payload).digest('hex'),
    },
  ])
})

test.each([
  [
    'a reference without the older layout',
    { kind: 'image', reference: 'a/b' },
    'ERR_REQUEST_INVALID',
  ],
  [
    'the older layout without a reference',
    { kind: 'image', format: 'legacy' },
    'ERR_REQUEST_INVALID',
  ],
  [
    'the older layout of a file',
    { kind: 'file', format: 'legacy', reference: 'a/b' },
    'ERR_REQUEST_INVALID',
  ],
  [
    'a reference that is not the name of an image',
    { kind: 'image', format: 'legacy', reference: 'A B' },
    'ERR_REFERENCE_INVALID',
  ],
])('%s is refused', async (_what, artifact, code) => {
  const { app, log } = await startService()

  const answer = await app.inject(request([{ digest: DIGEST, ...artifact }]))

  expect(answer.statusCode).toBe(400)
  expect(answer.json()).toMatchObject({ code })
  expect((await log()).filter(({ type }) => type === 'signature')).toEqual([])
})
