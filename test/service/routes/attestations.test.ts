import { expect, test } from 'vitest'
import { digestOf } from '../../../src/crypto/digest.ts'
import { parseBundle } from '../../../src/formats/bundle.ts'
import type { JsonObject } from '../../../src/formats/json.ts'
import { toGithubProvenance } from '../../../src/formats/predicates/github-provenance.ts'
import { parseStatement, type Statement } from '../../../src/formats/statement.ts'
import { GITHUB_CLAIMS, GITHUB_ISSUER } from '../../support/identity-claims.ts'
import { testSigner } from '../../support/signers.ts'
import { CREDENTIALS, SETTINGS, startService, WORKFLOW_CREDENTIALS } from '../../support/service.ts'

const DIGEST = digestOf(Buffer.from('an artifact'))
const SUBJECTS = [{ digest: DIGEST, name: 'app.tar.gz' }]
const BUILDER = 'https://sign.example.com/builders/github-actions'
const VEX = { '@context': 'https://openvex.dev/ns/v0.2.0' }

function request(payload: object, headers: Readonly<Record<string, string>> = CREDENTIALS) {
  return { method: 'POST', url: '/v1/keys/release/attestations', headers, payload } as const
}

/** The statement in a bundle that was answered. */
function statementOf(bundle: JsonObject): Statement {
  const { content } = parseBundle(Buffer.from(JSON.stringify(bundle)))
  if (content.kind !== 'dsse') throw new Error('not an attestation')
  return parseStatement(content.envelope.payload)
}

test('a predicate of a caller is attested and logged', async () => {
  const { app, log } = await startService()

  const answer = await app.inject(
    request({ subjects: SUBJECTS, predicateType: 'openvex', predicate: VEX }),
  )

  expect(answer.statusCode).toBe(200)
  const { bundle, ...rest } = answer.json<{ bundle: JsonObject }>()
  expect(rest).toMatchObject({
    key: 'release',
    version: 1,
    predicateType: 'https://openvex.dev/ns',
    logIndex: 0,
  })
  expect(statementOf(bundle)).toMatchObject({
    subjects: [{ name: 'app.tar.gz', digest: { sha256: DIGEST.slice(7) } }],
    predicateType: 'https://openvex.dev/ns',
    predicate: VEX,
  })
  expect(await log()).toMatchObject([
    { type: 'attestation', digests: [DIGEST], predicateType: 'https://openvex.dev/ns' },
  ])
})

test('provenance is made of the verified claims and of nothing the workflow says', async () => {
  const { app } = await startService()

  const answer = await app.inject(
    request({ subjects: SUBJECTS, provenance: true }, WORKFLOW_CREDENTIALS),
  )

  expect(answer.statusCode).toBe(200)
  expect(statementOf(answer.json<{ bundle: JsonObject }>().bundle)).toMatchObject({
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: toGithubProvenance(GITHUB_ISSUER, GITHUB_CLAIMS, BUILDER),
  })
})

test('policies can permit provenance and refuse what workflows say themselves', async () => {
  const policies = `permit (principal, action == Action::"attest", resource)
    when { context.provenance };`
  const { app } = await startService({ policies })
  const forged = {
    subjects: SUBJECTS,
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {},
  }

  const made = await app.inject(
    request({ subjects: SUBJECTS, provenance: true }, WORKFLOW_CREDENTIALS),
  )
  const said = await app.inject(request(forged, WORKFLOW_CREDENTIALS))

  expect([made.statusCode, said.statusCode]).toEqual([200, 403])
})

test('a development token gets no provenance', async () => {
  const { app, log } = await startService()

  const answer = await app.inject(request({ subjects: SUBJECTS, provenance: true }))

  expect(answer.statusCode).toBe(403)
  expect(answer.json()).toMatchObject({ code: 'ERR_NOT_ALLOWED' })
  expect(await log()).toMatchObject([{ type: 'denial', action: 'attest', code: 'ERR_NOT_ALLOWED' }])
})

const TYPE = { predicateType: 'openvex', predicate: VEX }

test.each([
  ['no predicate', { subjects: SUBJECTS }, 400, 'ERR_REQUEST_INVALID'],
  [
    'predicate and provenance',
    { subjects: SUBJECTS, ...TYPE, provenance: true },
    400,
    'ERR_REQUEST_INVALID',
  ],
  ['no subject', { subjects: [], ...TYPE }, 400, 'ERR_REQUEST_INVALID'],
  [
    'a subject twice',
    { subjects: [...SUBJECTS, ...SUBJECTS], ...TYPE },
    400,
    'ERR_STATEMENT_INVALID',
  ],
  [
    'a malformed digest',
    { subjects: [{ digest: 'sha256:x' }], ...TYPE },
    400,
    'ERR_REFERENCE_INVALID',
  ],
  [
    'an unknown short name',
    { subjects: SUBJECTS, ...TYPE, predicateType: 'opnvex' },
    400,
    'ERR_USAGE',
  ],
  [
    'a predicate of another type',
    { subjects: SUBJECTS, ...TYPE, predicate: {} },
    400,
    'ERR_PREDICATE_INVALID',
  ],
])('%s is refused, and nothing is signed', async (_what, payload, status, code) => {
  const { app, log } = await startService()

  const answer = await app.inject(request(payload))

  expect(answer.statusCode).toBe(status)
  expect(answer.json()).toMatchObject({ code })
  expect((await log()).filter(({ type }) => type === 'attestation')).toEqual([])
})

test('a predicate over 16 MiB is too large, whatever the body may have', async () => {
  const settings = { ...SETTINGS, maxBodyBytes: 20 * 1024 * 1024 }
  const { app } = await startService({ parts: { settings } })
  const predicate = { text: 'x'.repeat(16 * 1024 * 1024) }

  const answer = await app.inject(
    request({ subjects: SUBJECTS, predicateType: 'https://example.com/t', predicate }),
  )

  expect(answer.statusCode).toBe(413)
  expect(answer.json()).toMatchObject({ code: 'ERR_INPUT_TOO_LARGE' })
})

test('more subjects than an entry of the log has room for are refused before they are signed', async () => {
  let signed = 0
  const signer = testSigner()
  const counting = {
    key: signer.key,
    sign: (message: Uint8Array) => {
      signed += 1
      return signer.sign(message)
    },
  }
  const { app, log } = await startService({
    keys: [{ name: 'release', use: 'artifact', signer: counting }],
    parts: { settings: { ...SETTINGS, maxBodyBytes: 1_000_000 }, stamperOf: () => undefined },
  })
  const subjects = (count: number, hex: number) =>
    Array.from({ length: count }, (_, n) => ({
      digest: `sha${hex * 4}:${n.toString(16).padStart(hex, '0')}`,
      name: `file-${n}`,
    }))
  const attest = (of: object) =>
    app.inject(request({ subjects: of, predicateType: 'openvex', predicate: VEX }))

  const most = await attest(subjects(512, 64))
  const tooMany = await attest(subjects(512, 128))

  expect(most.statusCode).toBe(200)
  expect(tooMany.statusCode).toBe(413)
  expect(tooMany.json()).toMatchObject({ code: 'ERR_INPUT_TOO_LARGE' })
  expect(signed).toBe(1)
  expect((await log()).filter(({ type }) => type === 'attestation')).toHaveLength(1)
})
