import { existsSync, readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { digestOf } from '../../../src/crypto/digest.ts'
import { serializePublicKeyPem } from '../../../src/crypto/public-key.ts'
import { signArtifact } from '../../../src/signing/sign-artifact.ts'
import { testSigner } from '../../support/signers.ts'
import { createSigningFolder } from '../../support/signing-folder.ts'
import { startSigstoreServices, UNTRUSTED_TOKEN as TOKEN } from '../../support/sigstore-services.ts'
import { createTimestampAuthority } from '../../support/timestamp-authority.ts'

const EMPTY_ROOT = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'

test.each([
  ['verify-bundle @a --bundle @b --key @k --certificate-identity me', 'cannot be used with'],
  ['verify-bundle @a --bundle @b', 'no key and no identity given'],
  ['verify-bundle @a --bundle @b --certificate-identity me', 'no key and no identity given'],
  ['verify-bundle @a --bundle @b --key @k --offline', "unknown option '--offline'"],
  ['verify-bundle @a @b --bundle @b --key @k', 'too many arguments'],
  ['verify-bundle @a --key @k', "required option '--bundle <file>' not specified"],
  ['sign-bundle @a --bundle @b', "required option '--identity-token <token>'"],
  ['sing-bundle @a', 'unknown command'],
])('"conformance %s" is a usage error', async (line, message) => {
  const { exitCode, stderr } = await createSigningFolder().run(`conformance ${line}`)

  expect(exitCode).toBe(2)
  expect(stderr).toContain(message)
})

test('the protocol rejects a key bundle without a time or without a log entry', async () => {
  const authority = createTimestampAuthority()
  onTestFinished(authority.close)
  const folder = createSigningFolder()
  folder.write('app.txt', 'hello\n')
  folder.write('root.json', Buffer.from(authority.trustedRoot).toString())
  const signer = testSigner('ES256')
  folder.write('release.pub', serializePublicKeyPem(signer.key))
  const digest = digestOf(Buffer.from('hello\n'))
  const plain = await signArtifact(signer, { digest })
  const { timestamp } = authority
  const stamped = await signArtifact(signer, { digest }, { timestamp })
  folder.write('plain.json', Buffer.from(plain.bundle).toString())
  folder.write('stamped.json', Buffer.from(stamped.bundle).toString())
  const verify = (bundle: string): ReturnType<typeof folder.run> =>
    folder.run(
      `conformance verify-bundle --bundle @${bundle} --key @release.pub --trusted-root @root.json @app.txt`,
    )

  const results = [await verify('plain.json'), await verify('stamped.json')]

  expect(results.map(({ exitCode }) => exitCode)).toStrictEqual([3, 3])
  expect(results[0]?.stderr).toContain('0 of 1 required trusted times verified')
  expect(results[1]?.stderr).toContain('0 of 1 required log entries verified')
})

test('a file that is called like a digest is a file', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('root.json', EMPTY_ROOT)
  folder.write('b.json', '{}')
  const verify = 'conformance verify-bundle --bundle @b.json --key @release.pub --trusted-root'

  const result = await folder.run(`${verify} @root.json sha256:${'a'.repeat(63)}`)

  expect(result.stderr).toContain('[ERR_ARTIFACT_NOT_FOUND]')
})

test('the staging instance has no root of trust here', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('a', 'a')

  const result = await folder.run(
    'conformance verify-bundle --staging --bundle @b --key @release.pub @a',
  )

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain('hint   give its trusted root with --trusted-root FILE')
})

test('sign-bundle has a certificate and a log entry in its bundle, the token nowhere', async () => {
  const folder = createSigningFolder()
  folder.write('app.txt', 'hello\n')
  const { server, signingConfig } = await startSigstoreServices()

  const result = await folder.run(
    `conformance sign-bundle --identity-token ${TOKEN} --bundle @b.json --signing-config ${signingConfig} @app.txt`,
  )

  expect(result).toMatchObject({ exitCode: 0, stdout: '' })
  expect(server.requests.map(({ path }) => path)).toEqual([
    '/api/v2/signingCert',
    '/api/v1/log/entries',
  ])
  const text = readFileSync(folder.path('b.json'), 'utf8')
  expect(JSON.parse(text)).toMatchObject({
    verificationMaterial: { tlogEntries: [{ kindVersion: { kind: 'hashedrekord' } }] },
    messageSignature: { messageDigest: { algorithm: 'SHA2_256' } },
  })
  expect(text + result.stderr).not.toContain(TOKEN)
})

test('sign-bundle --in-toto signs the statement as it is', async () => {
  const folder = createSigningFolder()
  const subject = [{ name: 'a', digest: { sha256: 'a'.repeat(64) } }]
  const statement = JSON.stringify({
    _type: 'https://in-toto.io/Statement/v1',
    subject,
    predicateType: 'https://example.com/type',
    predicate: {},
  })
  folder.write('statement.json', `${statement}\n`)
  const { signingConfig } = await startSigstoreServices()

  await folder.run(
    `conformance sign-bundle --in-toto --identity-token ${TOKEN} --bundle @b.json --signing-config ${signingConfig} @statement.json`,
  )

  expect(JSON.parse(readFileSync(folder.path('b.json'), 'utf8'))).toMatchObject({
    dsseEnvelope: { payload: Buffer.from(`${statement}\n`).toString('base64') },
  })
})

test('a bundle that fails under the given trusted root is not written', async () => {
  const folder = createSigningFolder()
  folder.write('app.txt', 'hello\n')
  folder.write('root.json', EMPTY_ROOT)
  const { signingConfig } = await startSigstoreServices()

  const result = await folder.run(
    `conformance sign-bundle --identity-token ${TOKEN} --bundle @b.json --trusted-root @root.json --signing-config ${signingConfig} @app.txt`,
  )

  expect(result.exitCode).toBe(3)
  expect(existsSync(folder.path('b.json'))).toBe(false)
})

test.each([
  {
    what: 'a token the authority refuses',
    faults: { certificate: { status: 401 } },
    ends: { exitCode: 8, code: '[ERR_NOT_AUTHENTICATED]' },
  },
  {
    what: 'a malformed token',
    token: 'secret-nonsense',
    ends: { exitCode: 8, code: '[ERR_NOT_AUTHENTICATED]' },
  },
  {
    what: 'a log that refuses',
    faults: { log: { status: 400 } },
    ends: { exitCode: 7, code: '[ERR_NETWORK]' },
  },
])(
  '$what is not reported as a bug, and the token is not shown',
  async ({ faults, token = TOKEN, ends }) => {
    const folder = createSigningFolder()
    folder.write('app.txt', 'hello\n')
    const { signingConfig } = await startSigstoreServices(faults)

    const result = await folder.run(
      `conformance sign-bundle --identity-token ${token} --bundle @b.json --signing-config ${signingConfig} @app.txt -v`,
    )

    expect(result.exitCode).toBe(ends.exitCode)
    expect(result.stderr).toContain(ends.code)
    expect(result.stderr).not.toContain(token)
    expect(existsSync(folder.path('b.json'))).toBe(false)
  },
)
