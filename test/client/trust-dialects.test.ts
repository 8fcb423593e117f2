import { createPublicKey } from 'node:crypto'
import { expect, test } from 'vitest'
import { type TrustDialect, writeDialect } from '../../src/client/trust-dialects.ts'
import { serializePublicKeyPem } from '../../src/crypto/public-key.ts'
import { parseJwks } from '../../src/formats/jwks.ts'
import type { KeyHistory, PublishedVersion } from '../../src/keys/key-history.ts'
import { codeOf } from '../support/errors.ts'
import { testSigner } from '../support/signers.ts'

const at = new Date('2026-01-01T00:00:00Z')

function version(name: string, number: number, state: 'active' | 'retired'): PublishedVersion {
  const { key } = testSigner('ES256', `${name} ${number}`)
  const end = state === 'active' ? undefined : at
  return {
    key,
    name,
    version: number,
    use: 'artifact',
    origin: 'generated',
    state,
    validFor: { start: at, end },
    compromisedSince: undefined,
  }
}

const history: KeyHistory = {
  sequence: 3,
  versions: [
    version('release', 1, 'retired'),
    version('release', 2, 'active'),
    version('nightly', 1, 'active'),
  ],
  trustedRoot: { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' },
}
const kidOf = (name: string): string => testSigner('ES256', name).key.kid
const write = (dialect: TrustDialect, keys?: readonly string[]): string =>
  writeDialect(dialect, { history, keys, scopes: ['registry.example.com/app'] })
const pemOf = (name: string): string => serializePublicKeyPem(testSigner('ES256', name).key)

test('a JWKS has the active versions alone', () => {
  const { keys } = parseJwks(write('jwks'))

  expect(keys.map(({ kid }) => kid)).toEqual([kidOf('release 2'), kidOf('nightly 1')])
})

test('PEM says whose keys they are, and a reader of PEM takes it', () => {
  const pem = write('pem', ['release'])

  expect(pem).toContain(`release@2 (kid ${kidOf('release 2')})\n-----BEGIN PUBLIC KEY-----`)
  expect(createPublicKey(pem).export({ type: 'spki', format: 'pem' })).toBe(pemOf('release 2'))
})

test('a trusted root is the one that the service signed', () => {
  expect(JSON.parse(write('trusted-root'))).toEqual(history.trustedRoot)
})

test('a containers policy rejects everything but images of the scope with these keys', () => {
  const policy = JSON.parse(write('policy-json', ['release'])) as unknown

  expect(policy).toEqual({
    default: [{ type: 'reject' }],
    transports: {
      docker: {
        'registry.example.com/app': [
          {
            type: 'sigstoreSigned',
            keyDatas: [Buffer.from(pemOf('release 2')).toString('base64')],
            signedIdentity: { type: 'matchRepository' },
          },
        ],
      },
    },
  })
})

test('a Kyverno policy admits no image of the scope without a signature by one of these keys', () => {
  const policy: unknown = JSON.parse(write('kyverno'))

  const verified = (images: string): object => ({
    expression: `images.${images}.map(image, verifyImageSignatures(image, [attestors.key1, attestors.key2])).all(e, e > 0)`,
  })
  expect(policy).toMatchObject({
    apiVersion: 'policies.kyverno.io/v1',
    kind: 'ImageValidatingPolicy',
    spec: {
      validationActions: ['Deny'],
      matchImageReferences: [{ glob: 'registry.example.com/app*' }],
      attestors: [
        { name: 'key1', cosign: { key: { data: pemOf('release 2') } } },
        { name: 'key2', cosign: { key: { data: pemOf('nightly 1') } } },
      ],
      validations: ['containers', 'initContainers', 'ephemeralContainers'].map(verified),
    },
  })
})

test('without an active version or a trusted root nothing is written', () => {
  const empty = { history: { sequence: 1, versions: [] }, scopes: [] }

  expect(codeOf(() => write('pem', ['other']))).toBe('ERR_KEY_NOT_FOUND')
  expect(codeOf(() => writeDialect('jwks', empty))).toBe('ERR_KEY_NOT_FOUND')
  expect(codeOf(() => writeDialect('trusted-root', empty))).toBe('ERR_TRUST_INVALID')
})
