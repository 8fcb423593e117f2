import { expect, test } from 'vitest'
import { digestOf } from '../../../src/crypto/digest.ts'
import {
  CREDENTIALS,
  startService,
  type TestService,
  WORKFLOW_CREDENTIALS,
} from '../../support/service.ts'
import { testSigner } from '../../support/signers.ts'

const KEYS = [
  { name: 'release', use: 'artifact' },
  { name: 'tsa', use: 'timestamp', signer: testSigner('ES256', 'tsa') },
  { name: 'sessions', use: 'token', signer: testSigner('ES256', 'sessions') },
] as const
const DIGEST = digestOf(Buffer.from('an artifact'))

function post(url: string, payload: object) {
  return { method: 'POST', url, headers: CREDENTIALS, payload } as const
}

const ask = (payload: object) => post('/v1/verifications', payload)

async function signedBundle({ app }: TestService): Promise<object> {
  const artifacts = [{ digest: DIGEST, kind: 'file' }]
  const answer = await app.inject(post('/v1/keys/release/signatures', { artifacts }))
  return answer.json<{ results: [{ bundle: object }] }>().results[0].bundle
}

async function issuedToken({ app }: TestService): Promise<string> {
  const answer = await app.inject(post('/v1/keys/sessions/tokens', { audience: 'api' }))
  return answer.json<{ token: string }>().token
}

test('a bundle of this service verifies, with its time stamp', async () => {
  const service = await startService({ keys: KEYS })
  const bundle = await signedBundle(service)
  const artifact = { digest: DIGEST, name: 'app.tar.gz' }

  const answer = await service.app.inject(ask({ bundle, artifact, policy: { timestamps: 1 } }))

  expect(answer.statusCode).toBe(200)
  expect(answer.json()).toMatchObject({
    schema: 'https://countersign.dev/schemas/verify-result/v1',
    ok: true,
    exitCode: 0,
    artifacts: [
      {
        name: 'app.tar.gz',
        digest: DIGEST,
        attestations: [{ key: { name: 'release', version: 1 }, signedAt: '2026-11-22T10:00:00Z' }],
      },
    ],
  })
})

test('a verification that fails is an answer, with what was expected and what was found', async () => {
  const service = await startService({ keys: KEYS })
  const bundle = await signedBundle(service)
  const other = { digest: digestOf(Buffer.from('another')) }

  const wrongArtifact = await service.app.inject(ask({ bundle, artifact: other }))
  const wrongType = await service.app.inject(
    ask({ bundle, artifact: { digest: DIGEST }, policy: { predicateTypes: ['cyclonedx'] } }),
  )
  const noBundle = await service.app.inject(ask({ bundle: {}, artifact: { digest: DIGEST } }))

  expect([wrongArtifact, wrongType, noBundle].map(({ statusCode }) => statusCode)).toEqual([
    200, 200, 200,
  ])
  expect(wrongArtifact.json()).toMatchObject({ ok: false, exitCode: 3 })
  expect(wrongType.json()).toMatchObject({
    ok: false,
    exitCode: 4,
    artifacts: [{ error: { code: 'ERR_PREDICATE_TYPE_MISMATCH' } }],
  })
  expect(noBundle.json()).toMatchObject({
    ok: false,
    artifacts: [{ error: { code: 'ERR_BUNDLE_INVALID' } }],
  })
})

test('the same question gets the same answer, under the name it is asked with', async () => {
  const service = await startService({ keys: KEYS })
  const bundle = await signedBundle(service)
  const askAs = async (name: string): Promise<object> =>
    (await service.app.inject(ask({ bundle, artifact: { digest: DIGEST, name } }))).json()

  const first = await askAs('one')

  expect(await askAs('one')).toEqual(first)
  expect(await askAs('two')).toMatchObject({ ok: true, artifacts: [{ name: 'two' }] })
})

test('a remembered verdict answers no other question', async () => {
  const service = await startService({ keys: KEYS })
  const bundle = await signedBundle(service)
  const artifact = { digest: DIGEST }
  const isGood = async (question: object): Promise<boolean> =>
    (await service.app.inject(ask({ bundle, artifact, ...question }))).json<{ ok: boolean }>().ok

  expect(await isGood({})).toBe(true)
  expect(await isGood({ artifact: { digest: digestOf(Buffer.from('another')) } })).toBe(false)
  expect(await isGood({ policy: { timestamps: 2 } })).toBe(false)
  expect(await isGood({ policy: { predicateTypes: ['any'] } })).toBe(true)
})

test.each<[object, boolean]>([
  [{ repository: 'acme/widget', workflow: '.github/workflows/ci.yml' }, true],
  [{ repository: 'https://github.com/acme/widget', predicateTypes: ['any'] }, true],
  [{ repository: 'acme/payments' }, false],
  [{ repository: 'acme/widget', builders: ['https://github.com/acme/x'] }, false],
])('provenance of this service is held against the source %o', async (policy, ok) => {
  const { app } = await startService({ keys: KEYS })
  const made = await app.inject({
    method: 'POST',
    url: '/v1/keys/release/attestations',
    headers: WORKFLOW_CREDENTIALS,
    payload: { subjects: [{ digest: DIGEST }], provenance: true },
  })
  const { bundle } = made.json<{ bundle: object }>()

  const answer = await app.inject(ask({ bundle, artifact: { digest: DIGEST }, policy }))

  expect(answer.json()).toMatchObject({ ok, exitCode: ok ? 0 : 4 })
})

test('a token of this service verifies', async () => {
  const service = await startService({ keys: KEYS })
  const token = await issuedToken(service)

  const answer = await service.app.inject(ask({ token, tokenPolicy: { audience: 'api' } }))

  expect(answer.json()).toMatchObject({
    schema: 'https://countersign.dev/schemas/token-verify-result/v1',
    ok: true,
    token: { claims: { iss: 'https://sign.example.com', aud: 'api' } },
  })
  expect(answer.body).not.toContain(token)
})

test.each([
  ['for another audience', { audience: 'web' }, 'ERR_JWT_CLAIM_MISMATCH'],
  ['of another issuer', { audience: 'any', issuer: 'https://other' }, 'ERR_JWT_CLAIM_MISMATCH'],
  ['of another type', { audience: 'any', type: 'at+jwt' }, 'ERR_JWT_CLAIM_MISMATCH'],
])('a token %s fails, with status 200', async (_, tokenPolicy, code) => {
  const service = await startService({ keys: KEYS })
  const token = await issuedToken(service)

  const answer = await service.app.inject(ask({ token, tokenPolicy }))

  expect(answer.statusCode).toBe(200)
  expect(answer.json()).toMatchObject({ ok: false, exitCode: 4, token: { error: { code } } })
})

test('a token of a version that is no longer in the JWKS is of no trusted key', async () => {
  const issuing = await startService({ keys: KEYS })
  const token = await issuedToken(issuing)
  const revokedAt = new Date('2026-11-22T09:00:00Z')
  const version = { state: 'revoked', revokedAt, compromisedSince: revokedAt } as const
  const keys = KEYS.map((key) => (key.name === 'sessions' ? { ...key, version } : key))
  const { app } = await startService({ keys })

  const answer = await app.inject(ask({ token, tokenPolicy: { audience: 'api' } }))

  expect(answer.json()).toMatchObject({
    ok: false,
    exitCode: 6,
    token: { error: { code: 'ERR_KEY_NOT_TRUSTED' } },
  })
})

test('an artifact key verifies no token', async () => {
  const keys = [
    { name: 'sessions', use: 'artifact', signer: testSigner('ES256', 'sessions') },
  ] as const
  const token = await issuedToken(await startService({ keys: KEYS }))
  const { app } = await startService({ keys })

  const answer = await app.inject(ask({ token, tokenPolicy: { audience: 'api' } }))

  expect(answer.json()).toMatchObject({ token: { error: { code: 'ERR_KEY_NOT_TRUSTED' } } })
})

test.each<[string, object]>([
  ['nothing', {}],
  ['a bundle without an artifact', { bundle: {} }],
  ['a token without what is demanded of it', { token: 'a.b.c' }],
  ['a bundle and a token', { bundle: {}, artifact: { digest: DIGEST }, token: 'a.b.c' }],
  [
    'a token with the policy of bundles',
    { token: 'a.b.c', tokenPolicy: { audience: 'a' }, policy: {} },
  ],
  ['a misspelled demand', { token: 'a.b.c', tokenPolicy: { audience: 'a', isuer: 'b' } }],
])('a request for %s is malformed', async (_, question) => {
  const { app } = await startService({ keys: KEYS })

  const answer = await app.inject(ask(question))

  expect(answer.statusCode).toBe(400)
  expect(answer.json()).toMatchObject({ code: 'ERR_REQUEST_INVALID' })
})

test('a malformed digest is the caller’s mistake', async () => {
  const { app } = await startService({ keys: KEYS })

  const answer = await app.inject(ask({ bundle: {}, artifact: { digest: 'sha256:00' } }))

  expect(answer.statusCode).toBe(400)
  expect(answer.json()).toMatchObject({ code: 'ERR_REFERENCE_INVALID' })
})
