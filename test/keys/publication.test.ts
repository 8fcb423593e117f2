import { expect, test } from 'vitest'
import { ALGORITHM_NAMES } from '../../src/crypto/algorithms.ts'
import { parsePublicKeyJwk } from '../../src/crypto/public-key.ts'
import { parseKeyHistory, serializeKeyHistory } from '../../src/keys/key-history.ts'
import type { Key } from '../../src/keys/key.ts'
import {
  publishAuditKeys,
  publishDiscovery,
  publishJwks,
  publishKeyHistory,
  type PublishedState,
} from '../../src/keys/publication.ts'
import { revoke } from '../../src/keys/revocation.ts'
import { activate, destroy, retire } from '../../src/keys/transitions.ts'
import { KeyStory, poolKey, second, testKey } from '../support/key-versions.ts'

/** Version 1 retired at 1100, version 2 active, version 3 a standby, version 4 created but not published. */
function story(key: Key = testKey()): KeyStory {
  const made = new KeyStory(key).standby(0)
  made.take(activate(made.at(0), 1)).standby(100)
  return made
    .take(activate(made.at(1100), 2))
    .standby(1200)
    .create(1300)
}

const stateOf = (...stories: readonly KeyStory[]): PublishedState => ({
  sequence: 12,
  keys: stories.map(({ key }) => key),
  versions: stories.flatMap(({ versions }) => versions),
})

const named = (name: string, key: Key): Key => ({ ...key, name })

test('the JWKS has every version that verifiers need now, and no unpublished one', () => {
  const made = story()
  const kids = (now: number) =>
    publishJwks(stateOf(made), second(now)).document.keys.map(({ kid }) => kid)
  const kid = (number: number) => made.version(number).publicKey.kid

  expect(kids(5099)).toEqual([kid(1), kid(2), kid(3)])
  expect(kids(5100)).toEqual([kid(2), kid(3)])
})

test('the JWKS states its next scheduled change', () => {
  const next = (now: number) => publishJwks(stateOf(story()), second(now)).nextChangeAt

  expect(next(2000)).toEqual(second(5100))
  expect(next(5100)).toBeUndefined()
})

test('a JWK has use, algorithm and kid, and no private member', () => {
  const [jwk] = publishJwks(stateOf(story()), second(2000)).document.keys

  expect(Object.keys(jwk ?? {}).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  expect(jwk).toMatchObject({ use: 'sig', alg: 'ES256' })
  expect(parsePublicKeyJwk({ ...jwk }).kid).toBe(jwk?.kid)
})

test('the JWKS says its sequence and how often to fetch it', () => {
  const { document, maxAgeSeconds } = publishJwks(stateOf(story()), second(0))

  expect(document).toMatchObject({ sequence: 12, refreshHintSeconds: 300 })
  expect(maxAgeSeconds).toBe(300)
})

test('keys that share a JWKS share the least max-age, unpublished keys too', () => {
  const other = new KeyStory(named('partners', testKey('token', { maxAgeSeconds: 60 })))
  const artifact = new KeyStory(named('release', testKey('artifact', { maxAgeSeconds: 1 })))

  expect(publishJwks(stateOf(story(), other, artifact), second(0)).maxAgeSeconds).toBe(60)
})

test('a service without token keys has an empty JWKS', () => {
  const made = story(testKey('artifact'))

  expect(publishJwks(stateOf(made), second(2000))).toMatchObject({
    document: { keys: [] },
    maxAgeSeconds: 300,
  })
})

test('equal states make equal documents, in whatever order they were read', () => {
  const other = new KeyStory(named('partners', testKey())).standby(0)
  const [a, b] = [stateOf(other), stateOf(story())]
  const forward = { ...a, keys: [...a.keys, ...b.keys], versions: [...a.versions, ...b.versions] }
  const backward = {
    ...a,
    keys: forward.keys.toReversed(),
    versions: forward.versions.toReversed(),
  }

  expect(publishJwks(backward, second(9))).toEqual(publishJwks(forward, second(9)))
})

test('the key history has every version that was ever published, with its window', () => {
  const history = publishKeyHistory(stateOf(story(testKey('artifact'))))

  expect(
    history.versions.map(({ version, state, validFor: { start, end } }) => [
      version,
      state,
      start,
      end,
    ]),
  ).toEqual([
    [1, 'retired', second(0), second(1140)],
    [2, 'active', second(1100), undefined],
    [3, 'pending', undefined, undefined],
  ])
})

test('token keys are not in the key history', () => {
  expect(publishKeyHistory(stateOf(story())).versions).toEqual([])
})

test('a key history of versions in every state is read back as it was', () => {
  const made = story(testKey('artifact'))
  made.take(destroy(made.at(20_000), 1, undefined))
  made.take(revoke(made.at(20_000), 3, { mode: 'seamless' })).standby(20_000)
  made.take(revoke(made.at(20_100), 2, { mode: 'flush' }))
  const history = publishKeyHistory(stateOf(made))

  const read = parseKeyHistory(serializeKeyHistory(history))

  expect(read.versions.map(({ state }) => state)).toEqual([
    'destroyed',
    'revoked',
    'revoked',
    'active',
    'pending',
  ])
  expect(read.versions.map(({ validFor }) => validFor)).toEqual(
    history.versions.map(({ validFor }) => validFor),
  )
})

test('a window ends with a revocation, or with the lag of signers if that is earlier', () => {
  const made = story(testKey('artifact'))
  made.take(revoke(made.at(1120), 1, { mode: 'seamless' }))
  made.take(revoke(made.at(1500), 2, { mode: 'seamless' }))
  const late = story(testKey('artifact'))
  late.take(revoke(late.at(9000), 1, { mode: 'seamless' }))
  const ends = (of: KeyStory) =>
    publishKeyHistory(stateOf(of)).versions.map(({ validFor }) => validFor.end)

  expect(ends(made).slice(0, 2)).toEqual([second(1120), second(1500)])
  expect(ends(late)[0]).toEqual(second(1140))
})

test('a version revoked before it signed has an empty window', () => {
  const made = story(testKey('artifact'))
  made.take(revoke(made.at(1400), 3, { mode: 'seamless' }))

  const published = publishKeyHistory(stateOf(made)).versions[2]

  expect(published?.validFor).toEqual({ start: second(1400), end: second(1400) })
  expect(published?.compromisedSince).toEqual(second(1400))
})

test('the window of an imported version has no start, and ends as any other', () => {
  const made = story(testKey('artifact'))
  made.take(revoke(made.at(1400), 3, { mode: 'seamless' }))
  const state = stateOf(made)
  const versions = state.versions.map((version) => ({ ...version, origin: 'external' as const }))

  const windows = publishKeyHistory({ ...state, versions }).versions.map(({ validFor }) => validFor)

  expect(windows).toEqual([
    { start: undefined, end: second(1140) },
    { start: undefined, end: undefined },
    { start: undefined, end: second(1400) },
  ])
})

test('a version destroyed after it was revoked is still published as revoked', () => {
  const made = story(testKey('artifact'))
  made.take(revoke(made.at(1120), 1, { mode: 'seamless' }))
  made.take(destroy(made.at(20_000), 1, undefined))

  expect(publishKeyHistory(stateOf(made)).versions[0]).toMatchObject({
    state: 'revoked',
    compromisedSince: second(1120),
  })
})

test('the discovery document points to the JWKS and names the algorithms of token keys', () => {
  const keys = [testKey(), named('release', { ...testKey('artifact'), algorithm: 'RS256' })]

  expect(publishDiscovery('https://sign.example.com/', keys)).toEqual({
    issuer: 'https://sign.example.com/',
    jwks_uri: 'https://sign.example.com/.well-known/jwks.json',
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  })
})

test('the discovery document of a service without token keys lists every algorithm they may have', () => {
  const { id_token_signing_alg_values_supported: listed } = publishDiscovery('https://x.example', [
    testKey('artifact'),
  ])

  expect(listed).toEqual(ALGORITHM_NAMES.toSorted())
})

test('a key history names the active trust key and its standby, and none that signs no more', () => {
  const trust = story(testKey('trust'))

  const { trustKeys } = publishKeyHistory(stateOf(trust))

  expect(trustKeys?.map(({ kid }) => kid)).toEqual([poolKey(2).kid, poolKey(3).kid])
})

test('every published key of the audit log is named, but for compromised ones', () => {
  const made = new KeyStory(testKey('audit')).standby(0)
  made.take(activate(made.at(0), 1)).standby(100)
  made.take(activate(made.at(1100), 2)).create(1300)
  const state = stateOf(made)
  const kids = (of: PublishedState): readonly string[] => publishAuditKeys(of).map(({ kid }) => kid)

  expect(kids(state)).toEqual([poolKey(1).kid, poolKey(2).kid])
  const [first, ...others] = state.versions
  if (first === undefined) throw new Error('the story has versions')
  const compromised = { ...first, compromisedSince: second(5) }
  expect(kids({ ...state, versions: [compromised, ...others] })).toEqual([poolKey(2).kid])
  expect(publishAuditKeys(stateOf(story(testKey('artifact'))))).toEqual([])
})

test('a version retired before it signed has an empty window', () => {
  const made = story({ ...testKey(), use: 'artifact' })
  made.take(retire(made.at(1400), 3))

  const [, , version] = publishKeyHistory(stateOf(made)).versions

  expect(version).toMatchObject({ state: 'retired' })
  expect(version?.validFor).toEqual({ start: second(1400), end: second(1400) })
})
