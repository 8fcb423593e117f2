import { expect, test, vi } from 'vitest'
import { CountersignError } from '../../../src/errors.ts'
import { parseKeyHistory } from '../../../src/keys/key-history.ts'
import { revoke } from '../../../src/keys/revocation.ts'
import { activate } from '../../../src/keys/transitions.ts'
import { KEY_HISTORY_PATH } from '../../../src/service/publishing/publications.ts'
import type { Signer } from '../../../src/signing/signer.ts'
import { KeyStory, testKey } from '../../support/key-versions.ts'
import { PublishedKeys, TRUST_SIGNER } from '../../support/published-keys.ts'
import { SOON } from '../../support/soon.ts'

const JWKS = '/.well-known/jwks.json'

/** Version 1 signs since 0, version 2 is a standby since 100. */
function running(use: 'token' | 'artifact' = 'token'): KeyStory {
  const story = new KeyStory({ ...testKey(use), name: use }).standby(0)
  return story.take(activate(story.at(0), 1)).standby(100)
}

const kid = (story: KeyStory, number: number) => story.version(number).publicKey.kid

function history(published: PublishedKeys) {
  const body = published.publications.page(KEY_HISTORY_PATH)?.body ?? new Uint8Array()
  return parseKeyHistory(body, TRUST_SIGNER.key)
}

test('the history is signed by the trust key and has the trusted root in it', async () => {
  const published = new PublishedKeys(200, running('artifact'))

  await published.publications.settled()

  expect(history(published)).toMatchObject({
    sequence: 1,
    versions: [{ state: 'active' }, { state: 'pending' }],
    trustedRoot: { timestampAuthorities: [] },
  })
})

test('a revoked key leaves JWKS and PEM at once, while the trust key is out of reach', () => {
  const story = running()
  const published = new PublishedKeys(1200, story)
  published.trustSigner = () => new Promise(() => undefined)
  const pem = `/keys/${kid(story, 1)}.pem`
  const before = [published.text(JWKS)?.includes(kid(story, 1)), published.text(pem) !== undefined]

  story.take(revoke(story.at(1200), 1, { mode: 'seamless' }))
  published.change()

  expect(before).toEqual([true, true])
  expect(published.text(JWKS)).not.toContain(kid(story, 1))
  expect(published.text(JWKS)).toContain(kid(story, 2))
  expect(published.text(pem)).toBeUndefined()
})

test('a retired key leaves the JWKS at its deadline, with another ETag and no change of state', () => {
  const story = running()
  story.take(activate(story.at(1100), 2))
  const published = new PublishedKeys(1100, story)
  const etag = published.publications.page(JWKS)?.etag

  published.pass(3999)
  const kept = published.text(JWKS)?.includes(kid(story, 1))
  published.pass(1)

  expect(kept).toBe(true)
  expect(published.text(JWKS)).not.toContain(kid(story, 1))
  expect(published.publications.page(JWKS)?.etag).not.toBe(etag)
})

test('equal keys make equal JWKS bytes on every replica', () => {
  const [one, other] = [new PublishedKeys(200, running()), new PublishedKeys(260, running())]

  expect(one.publications.page(JWKS)).toEqual(other.publications.page(JWKS))
})

test('a history that cannot be signed leaves the previous one, and is retried', async () => {
  const story = running('artifact')
  const published = new PublishedKeys(1200, story)
  await published.publications.settled()
  published.trustSigner = () =>
    Promise.reject(new CountersignError('ERR_PROVIDER_UNAVAILABLE', 'out of reach'))

  story.take(revoke(story.at(1200), 1, { mode: 'seamless' }))
  published.change()
  await published.publications.settled()
  const meanwhile = history(published).sequence
  published.trustSigner = () => Promise.resolve(TRUST_SIGNER)
  published.pass(5)
  await published.publications.settled()

  expect(published.errors.map(({ code }) => code)).toEqual(['ERR_PROVIDER_UNAVAILABLE'])
  expect([meanwhile, history(published).sequence]).toEqual([1, 2])
})

test('changes while a history is signed share the next signature', async () => {
  const story = running('artifact')
  const published = new PublishedKeys(1200, story)
  await published.publications.settled()
  let opened = 0
  let open: (signer: Signer) => void = () => undefined
  published.trustSigner = () => {
    opened += 1
    if (opened > 1) return Promise.resolve(TRUST_SIGNER)
    return new Promise((resolve) => {
      open = resolve
    })
  }

  for (let n = 0; n < 5; n += 1) published.change()
  await vi.waitUntil(() => opened > 0, SOON)
  open(TRUST_SIGNER)
  await published.publications.settled()

  expect(opened).toBe(2)
  expect(history(published).sequence).toBe(6)
})

test('disposed publications listen and wait for nothing', async () => {
  const story = running()
  story.take(activate(story.at(1100), 2))
  const published = new PublishedKeys(1100, story)
  await published.publications.settled()

  published.publications[Symbol.dispose]()

  expect(published.isQuiet).toBe(true)
})
