/** Bodies that are no good, and the whole problem document that each gets. */
import { test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { assertProblem, type ExpectedProblem } from '../support/problems.ts'
import { CREDENTIALS, SETTINGS, startService } from '../support/service.ts'

const KEYS = [
  { name: 'release', use: 'artifact' },
  { name: 'sessions', use: 'token' },
] as const
const DIGEST = digestOf(Buffer.from('an artifact'))

const SIGNATURES = '/v1/keys/release/signatures'
const ATTESTATIONS = '/v1/keys/release/attestations'
const TOKENS = '/v1/keys/sessions/tokens'
const API = 'see /openapi.json for what the service takes'
const STRICT = 'send one JSON text in UTF-8 that names no member twice (RFC 8259)'
const FULL_DIGEST = 'write sha256: (or sha384:, sha512:) and the full digest in lower-case hex'
const RULES =
  'leave it out; the operator of the service decides what the key signs (claims of the key); nothing was issued'

/** A signature of one artifact by its digest. */
const of = (digest: string): object => ({ artifacts: [{ digest, kind: 'file' }] })
const saying = (about: object): object => ({
  subjects: [{ digest: DIGEST }],
  predicateType: 'https://example.com/t',
  predicate: {},
  ...about,
})

const bodies: readonly (readonly [string, string, object | string, ExpectedProblem])[] = [
  [
    'an unknown key',
    '/v1/keys/missing/signatures',
    of(DIGEST),
    {
      status: 404,
      code: 'ERR_KEY_NOT_FOUND',
      detail: 'there is no key "missing"',
      hint: 'check the name; the configuration of the service defines keys',
    },
  ],
  [
    'a key with an endless name',
    `/v1/keys/${'x'.repeat(2000)}/signatures`,
    of(DIGEST),
    {
      status: 400,
      code: 'ERR_REQUEST_INVALID',
      detail: 'path/key: must not have more than 63 characters',
      hint: API,
      path: '/key',
    },
  ],
  [
    'a digest of the wrong length',
    SIGNATURES,
    of('sha256:abc'),
    {
      status: 400,
      code: 'ERR_REFERENCE_INVALID',
      detail: 'not a digest: "sha256:abc"',
      hint: FULL_DIGEST,
    },
  ],
  [
    'a digest by a broken hash',
    SIGNATURES,
    of(`md5:${'0'.repeat(32)}`),
    {
      status: 400,
      code: 'ERR_REFERENCE_INVALID',
      detail: `not a digest: "md5:${'0'.repeat(32)}"`,
      hint: FULL_DIGEST,
    },
  ],
  [
    'a subject named twice',
    ATTESTATIONS,
    saying({ subjects: [{ digest: DIGEST }, { digest: DIGEST }] }),
    {
      status: 400,
      code: 'ERR_STATEMENT_INVALID',
      detail: 'malformed in-toto statement: a subject is named twice',
      hint: 'name each subject once, by its own digest',
    },
  ],
  [
    'no subject',
    ATTESTATIONS,
    saying({ subjects: [] }),
    {
      status: 400,
      code: 'ERR_REQUEST_INVALID',
      detail: 'body/subjects: must not have fewer than 1 items',
      hint: API,
      path: '/subjects',
    },
  ],
  [
    'a predicate and provenance',
    ATTESTATIONS,
    saying({ provenance: true }),
    {
      status: 400,
      code: 'ERR_REQUEST_INVALID',
      detail: 'an attestation needs predicateType and predicate, or provenance alone',
      hint: 'with "provenance": true the service makes the predicate itself',
      path: '',
    },
  ],
  [
    'a number that no double holds',
    ATTESTATIONS,
    '{"predicate":{"a":1e400}}',
    {
      status: 400,
      code: 'ERR_JSON_INVALID',
      detail: 'malformed JSON: a number is out of range',
      hint: STRICT,
    },
  ],
  [
    'a lifetime over the longest',
    TOKENS,
    { audience: 'a', lifetimeSeconds: 3601 },
    {
      status: 422,
      code: 'ERR_CLAIMS_NOT_ALLOWED',
      detail: 'the claim "exp" is too far off: tokens of this key live 3600 s at most, not 3601 s',
      hint: 'ask for 3600 s or less; nothing was issued',
    },
  ],
  [
    "a claim that is not the caller's",
    TOKENS,
    { audience: 'a', claims: { iss: 'x' } },
    {
      status: 422,
      code: 'ERR_CLAIMS_NOT_ALLOWED',
      detail: 'the claim "iss" is set by the issuer',
      hint: RULES,
    },
  ],
  [
    'half a document',
    SIGNATURES,
    '{"artifacts":',
    {
      status: 400,
      code: 'ERR_JSON_INVALID',
      detail: 'malformed JSON: not a JSON text',
      hint: STRICT,
    },
  ],
  [
    'a member named twice',
    SIGNATURES,
    '{"artifacts":[],"artifacts":[]}',
    {
      status: 400,
      code: 'ERR_JSON_INVALID',
      detail: 'malformed JSON: a member is named twice',
      hint: STRICT,
    },
  ],
  [
    'a document nested too deep',
    SIGNATURES,
    `${'{"a":'.repeat(70)}1${'}'.repeat(70)}`,
    {
      status: 400,
      code: 'ERR_JSON_INVALID',
      detail: 'malformed JSON: nested too deep',
      hint: STRICT,
    },
  ],
  [
    'a body over the bound',
    SIGNATURES,
    JSON.stringify('x'.repeat(70_000)),
    {
      status: 413,
      code: 'ERR_INPUT_TOO_LARGE',
      detail: 'the body is larger than the service takes',
      hint: 'send less in one request; the operator of the service sets serve.maxBodyBytes',
    },
  ],
  [
    'a misspelled member',
    SIGNATURES,
    { artefacts: [] },
    {
      status: 400,
      code: 'ERR_REQUEST_INVALID',
      detail: 'body: unknown member "artefacts"',
      hint: 'did you mean "artifacts"?',
      path: '',
    },
  ],
  [
    'a prototype',
    SIGNATURES,
    '{"__proto__":{"artifacts":[]}}',
    {
      status: 400,
      code: 'ERR_REQUEST_INVALID',
      detail: 'body: unknown member "__proto__"',
      hint: 'known here: artifacts',
      path: '',
    },
  ],
  [
    'nothing',
    SIGNATURES,
    '',
    {
      status: 400,
      code: 'ERR_REQUEST_INVALID',
      detail: 'body: must be object',
      hint: API,
      path: '',
    },
  ],
]

const JSON_HEADERS = { ...CREDENTIALS, 'content-type': 'application/json' }

test.each(bodies)('%s is refused with the whole truth', async (_what, url, payload, expected) => {
  const { app } = await startService({ keys: KEYS })

  const answer = await app.inject({ method: 'POST', url, headers: JSON_HEADERS, payload })

  assertProblem(answer, expected)
})

test('another media type is refused with the whole truth', async () => {
  const { app } = await startService({ keys: KEYS })
  const headers = { ...CREDENTIALS, 'content-type': 'text/plain' }

  const answer = await app.inject({ method: 'POST', url: SIGNATURES, headers, payload: '{}' })

  assertProblem(answer, {
    status: 415,
    code: 'ERR_REQUEST_INVALID',
    detail: 'the body is not of a media type this route takes',
    hint: API,
  })
})

test('a predicate over 16 MiB is refused with the whole truth', async () => {
  const settings = { ...SETTINGS, maxBodyBytes: 20 * 1024 * 1024 }
  const { app } = await startService({ keys: KEYS, parts: { settings } })
  const payload = saying({ predicate: { a: 'x'.repeat(16 * 1024 * 1024) } })

  const answer = await app.inject({
    method: 'POST',
    url: ATTESTATIONS,
    headers: CREDENTIALS,
    payload,
  })

  assertProblem(answer, {
    status: 413,
    code: 'ERR_INPUT_TOO_LARGE',
    detail: 'the predicate has 16777224 bytes',
    hint: 'a predicate has at most 16777216 bytes; attest a digest of it instead',
  })
})
