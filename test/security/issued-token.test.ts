/** A service that issues another token than was asked for, to the command line and to the Action. */
import { expect, onTestFinished, test } from 'vitest'
import { serializePublicKeyJwk } from '../../src/crypto/public-key.ts'
import { countersign } from '../support/cli.ts'
import { startLoopbackServer } from '../support/loopback-server.ts'
import { startOidcIssuer } from '../support/oidc-issuer.ts'
import { runAs } from '../support/runner/scene.ts'
import { testSigner } from '../support/signers.ts'
import { signAnyToken } from '../support/tokens.ts'

type Members = Readonly<Record<string, unknown>>

/** What a hostile service changes of the token and of its answer; of a claim `undefined` leaves it out. */
interface Lie {
  readonly claims?: Members
  readonly header?: Members
  readonly answer?: Members
}

/** A service that signs what was asked for, with what a test changes of it. */
async function startIssuer({ claims = {}, header = {}, answer = {} }: Lie): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const signer = testSigner()
  const { kid, algorithm } = signer.key
  const jwk = serializePublicKeyJwk(signer.key)
  const usual = { sub: 'alice', role: 'reader', iat: now, nbf: now, exp: now + 300, jti: 'jti-1' }
  let token = ''
  const server = await startLoopbackServer(({ path }) => ({
    status: 200,
    body: path.endsWith('/jwks.json')
      ? JSON.stringify({ keys: [{ ...jwk, kid, alg: algorithm.name, use: 'sig' }] })
      : JSON.stringify({
          ...{ key: 'sessions', version: 1, kid, token, jti: 'jti-1' },
          expires: new Date((now + 300) * 1000).toISOString(),
          ...answer,
        }),
  }))
  const said = { iss: server.url, aud: 'api', ...usual, ...claims }
  token = await signAnyToken(said, header)
  return server.url
}

/** Asks for a token of alice, a reader, for `api`, for five minutes. */
async function issueByCli(server: string, more: readonly string[] = []): Promise<Result> {
  const asked = 'token issue --key sessions --audience api --subject alice --claim role=reader'
  const { exitCode, stdout, stderr } = await countersign(
    [...asked.split(' '), '--lifetime', '5m', '--server', server, ...more],
    { env: { COUNTERSIGN_TOKEN: 'caller' }, now: new Date() },
  )
  return { exitCode, said: stderr, given: stdout }
}

async function issueByAction(
  server: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const issuer = await startOidcIssuer()
  const asked = { mode: 'token', server, key: 'sessions', audience: 'api', lifetime: '5m' }
  const claims = '{"sub":"alice","role":"reader"}'
  const step = await runAs('source', {
    inputs: { ...asked, claims, ...more },
    env: issuer.variables,
  })
  onTestFinished(() => {
    step[Symbol.dispose]()
  })
  const said = step.annotations.map(({ title, message }) => `${title ?? ''} ${message}`).join('\n')
  return { exitCode: step.exitCode, said, given: step.outputs['token'] ?? '' }
}

interface Result {
  readonly exitCode: number | null
  readonly said: string
  /** What the user got. */
  readonly given: string
}

const now = Math.floor(Date.now() / 1000)

const LIES: readonly (readonly [string, Lie])[] = [
  ['of another issuer', { claims: { iss: 'https://bank.example' } }],
  ['of another type', { header: { typ: 'at+jwt' } }],
  ['of no type', { header: { typ: undefined } }],
  ['for another audience', { claims: { aud: 'bank' } }],
  ['for one audience more', { claims: { aud: ['api', 'bank'] } }],
  ['for the audience as a list', { claims: { aud: ['api'] } }],
  ['about another subject', { claims: { sub: 'root' } }],
  ['without a subject', { claims: { sub: undefined } }],
  ['with another claim', { claims: { role: 'admin' } }],
  ['with a claim of another type', { claims: { role: ['reader'] } }],
  ['with one claim more', { claims: { groups: ['admin'] } }],
  ['that lives longer', { claims: { exp: now + 3000 } }],
  ['that lives longer than its answer says', { answer: { expires: '2026-11-30T00:00:00Z' } }],
  ['that began long ago', { claims: { iat: now - 3000 } }],
  ['that does not say when it began', { claims: { iat: undefined } }],
  ['that never ends', { claims: { exp: undefined } }],
  ['with the jti of another', { claims: { jti: 'jti-2' } }],
]

test.each(LIES)('a token %s is not given out', async (_what, lie) => {
  const server = await startIssuer(lie)

  for (const result of [await issueByCli(server), await issueByAction(server)]) {
    expect(result).toMatchObject({ exitCode: 4, given: '' })
    expect(result.said).toContain('ERR_JWT_CLAIM_MISMATCH')
  }
})

test('a token signed by an unpublished key is not printed', async () => {
  const server = await startIssuer({ header: { kid: 'another' } })

  for (const result of [await issueByCli(server), await issueByAction(server)]) {
    expect(result.given).toBe('')
    expect(result.said).toContain('ERR_KEY_NOT_TRUSTED')
  }
})

test('the requested token is printed', async () => {
  const server = await startIssuer({})

  for (const result of [await issueByCli(server), await issueByAction(server)]) {
    expect(result.exitCode).toBe(0)
    expect(result.given.split('.')).toHaveLength(3)
  }
})

test('issuer, type and claims of the key are accepted if the user says so', async () => {
  const claims = { iss: 'https://sign.example.com', tenant: 'acme' }
  const server = await startIssuer({ claims, header: { typ: 'at+jwt' } })
  const asked = { issuer: claims.iss, 'token-type': 'at+jwt', 'added-claims': 'tenant' }

  const byCli = await issueByCli(server, [
    ...['--issuer', claims.iss, '--type', 'at+jwt', '--added-claim', 'tenant'],
  ])
  const byAction = await issueByAction(server, asked)

  for (const { exitCode } of [byCli, byAction]) expect(exitCode).toBe(0)
})
