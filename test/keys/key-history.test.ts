import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toX509Signature } from '../../src/crypto/der.ts'
import { encodePae, serializeEnvelope } from '../../src/formats/dsse.ts'
import {
  isSameContent,
  KEY_HISTORY_PAYLOAD_TYPE,
  type KeyHistory,
  parseKeyHistory,
  type PublishedVersion,
  serializeKeyHistory,
} from '../../src/keys/key-history.ts'
import { codeOf } from '../support/errors.ts'
import { timesFrom } from '../support/publications.ts'
import { testSigner } from '../support/signers.ts'

const start = new Date('2026-01-01T00:00:00Z')
const end = new Date('2026-04-01T00:00:00Z')

const version = (change: Partial<PublishedVersion> = {}): PublishedVersion => ({
  key: testSigner('ES256').key,
  name: 'release',
  version: 1,
  use: 'artifact',
  origin: 'generated',
  state: 'retired',
  validFor: { start, end },
  compromisedSince: undefined,
  ...change,
})

const times = fc.date({ min: start, max: end, noInvalidDate: true })
const histories: fc.Arbitrary<KeyHistory> = fc.record(
  {
    times: times.map(timesFrom),
    sequence: fc.nat(),
    issuer: fc.webUrl(),
    versions: fc
      .tuple(times, times, fc.constantFrom('retired', 'revoked', 'destroyed', 'active' as const))
      .map(([from, to, state]) => [
        version({
          state,
          validFor: { start: from, end: state === 'active' ? undefined : to },
          compromisedSince: state === 'revoked' ? to : undefined,
        }),
        version({
          key: testSigner('RS256').key,
          version: 2,
          use: 'digest',
          origin: 'external',
          state: 'pending',
          validFor: { start: undefined, end: undefined },
        }),
      ]),
  },
  { requiredKeys: ['sequence', 'versions'] },
)

const comparable = (history: KeyHistory): unknown => ({
  ...history,
  versions: history.versions.map(({ key, ...rest }) => ({ ...rest, kid: key.kid })),
})

test('a key history is read back as it was written', () => {
  fc.assert(
    fc.property(histories, (history) => {
      expect(comparable(parseKeyHistory(serializeKeyHistory(history)))).toStrictEqual(
        comparable(history),
      )
    }),
  )
})

const document = (change: (entry: Record<string, unknown>) => void): Buffer => {
  const json = JSON.parse(
    Buffer.from(serializeKeyHistory({ sequence: 1, versions: [version()] })).toString(),
  ) as { sequence: number; keys: [Record<string, unknown>] }
  change(json.keys[0])
  return Buffer.from(JSON.stringify(json))
}

test.each([
  [
    'a kid that is not of its key',
    (entry: Record<string, unknown>) => Object.assign(entry, { kid: 'x' }),
  ],
  [
    'a state that is not a text',
    (entry: Record<string, unknown>) => Object.assign(entry, { state: 1 }),
  ],
  [
    'a time of no zone',
    (entry: Record<string, unknown>) => Object.assign(entry, { validFor: { start: '2026-01-01' } }),
  ],
  [
    'a retired version without an end',
    (entry: Record<string, unknown>) => delete entry['validFor'],
  ],
  [
    'a revoked version without compromisedSince',
    (entry: Record<string, unknown>) => Object.assign(entry, { state: 'revoked' }),
  ],
  [
    'a version that is not a number',
    (entry: Record<string, unknown>) => Object.assign(entry, { version: '1' }),
  ],
])('a key history with %s is refused', (_, change) => {
  expect(codeOf(() => parseKeyHistory(document(change)))).toBe('ERR_TRUST_INVALID')
})

test('a kid used twice is refused', () => {
  const twice = serializeKeyHistory({ sequence: 1, versions: [version(), version({ version: 2 })] })
  expect(codeOf(() => parseKeyHistory(twice))).toBe('ERR_TRUST_INVALID')
})

const sealed = async (payloadType = KEY_HISTORY_PAYLOAD_TYPE): Promise<Uint8Array> => {
  const signer = testSigner('ES384', 'trust')
  const payload = serializeKeyHistory({
    sequence: 7,
    versions: [version()],
    times: timesFrom(start),
  })
  const signature = await signer.sign(encodePae(payloadType, payload))
  const sig = toX509Signature(signer.key.algorithm, signature)
  return serializeEnvelope({ payloadType, payload, signatures: [{ keyid: '', sig }] })
}

test('a signed history is read with its trust key and with no other', async () => {
  const bytes = await sealed()
  expect(parseKeyHistory(bytes, testSigner('ES384', 'trust').key).sequence).toBe(7)
  expect(codeOf(() => parseKeyHistory(bytes, testSigner('ES384').key))).toBe(
    'ERR_SIGNATURE_INVALID',
  )
  expect(codeOf(() => parseKeyHistory(bytes))).toBe('ERR_TRUST_INVALID')
})

test('a history signed as something else is refused', async () => {
  const bytes = await sealed('application/vnd.in-toto+json')
  const { key } = testSigner('ES384', 'trust')
  expect(codeOf(() => parseKeyHistory(bytes, key))).toBe('ERR_TRUST_INVALID')
})

test('an unsigned history is refused where a trust key was given', () => {
  const bytes = serializeKeyHistory({ sequence: 1, versions: [version()] })
  expect(codeOf(() => parseKeyHistory(bytes, testSigner().key))).toBe('ERR_TRUST_INVALID')
})

test('a history names the keys that may sign the next one, and carries the trusted root', () => {
  const trustKeys = [testSigner('ES256', 'trust 1').key, testSigner('ES384', 'trust 2').key]
  const trustedRoot = { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' }
  const written = serializeKeyHistory({ sequence: 1, versions: [], trustKeys, trustedRoot })

  const read = parseKeyHistory(written)

  expect(read.trustKeys?.map(({ kid }) => kid)).toEqual(trustKeys.map(({ kid }) => kid))
  expect(read.trustedRoot).toEqual(trustedRoot)
})

test('a history names the audit log by its origin and keys', () => {
  const keys = [testSigner('EdDSA', 'audit 1').key, testSigner('EdDSA', 'audit 2').key]
  const auditLog = { origin: 'sign.example.com/audit', keys }
  const written = serializeKeyHistory({ sequence: 1, versions: [], auditLog })

  const read = parseKeyHistory(written).auditLog

  expect(read?.origin).toBe('sign.example.com/audit')
  expect(read?.keys.map(({ kid }) => kid)).toEqual(keys.map(({ kid }) => kid))
  for (const origin of ['', 'two words', 'a+b']) {
    const bytes = serializeKeyHistory({ sequence: 1, versions: [], auditLog: { origin, keys } })
    expect(codeOf(() => parseKeyHistory(bytes))).toBe('ERR_TRUST_INVALID')
  }
})

test('a history is taken when any of several trust keys signed it', async () => {
  const payload = serializeKeyHistory({ sequence: 1, versions: [], times: timesFrom(start) })
  const signer = testSigner('ES256', 'trust 2')
  const signature = await signer.sign(encodePae(KEY_HISTORY_PAYLOAD_TYPE, payload))
  const sig = toX509Signature(signer.key.algorithm, signature)
  const signatures = [{ keyid: '', sig }]
  const bytes = serializeEnvelope({ payloadType: KEY_HISTORY_PAYLOAD_TYPE, payload, signatures })
  const [first, third] = [testSigner('ES256', 'trust 1').key, testSigner('ES256', 'trust 3').key]

  expect(codeOf(() => parseKeyHistory(bytes, first, signer.key))).toBe('accepted')
  expect(codeOf(() => parseKeyHistory(bytes, first, third))).toBe('ERR_SIGNATURE_INVALID')
})

async function signed(change: (payload: Record<string, unknown>) => void): Promise<Uint8Array> {
  const history = { sequence: 1, versions: [], times: timesFrom(start) }
  const json = JSON.parse(Buffer.from(serializeKeyHistory(history)).toString()) as object
  const changed = { ...json }
  change(changed)
  const payload = Buffer.from(JSON.stringify(changed))
  const signer = testSigner('ES256', 'trust')
  const signature = await signer.sign(encodePae(KEY_HISTORY_PAYLOAD_TYPE, payload))
  const signatures = [{ keyid: '', sig: toX509Signature(signer.key.algorithm, signature) }]
  return serializeEnvelope({ payloadType: KEY_HISTORY_PAYLOAD_TYPE, payload, signatures })
}

test.each<[string, (payload: Record<string, unknown>) => void]>([
  ['has no format version', (it) => delete it['formatVersion']],
  ['has a format version that is not a number', (it) => (it['formatVersion'] = '1')],
  ['does not say when it was issued', (it) => delete it['issuedAt']],
  ['never expires', (it) => delete it['expires']],
  ['counts offline for ever', (it) => delete it['offlineUntil']],
  ['expires before it is issued', (it) => (it['expires'] = '2025-12-31T00:00:00Z')],
  ['ends offline before it expires', (it) => (it['offlineUntil'] = '2026-01-01T00:00:01Z')],
  ['has a local time', (it) => (it['expires'] = '2026-01-02T00:00:00+02:00')],
])('a signed history that %s is refused', async (_what, change) => {
  const bytes = await signed(change)

  const { key } = testSigner('ES256', 'trust')
  expect(codeOf(() => parseKeyHistory(bytes, key))).toBe('ERR_TRUST_INVALID')
})

test('a key history of a later version is refused, and both versions are named', async () => {
  const { key } = testSigner('ES256', 'trust')
  const later = await signed((it) => (it['formatVersion'] = 2))
  const envelope = JSON.parse(Buffer.from(later).toString()) as { readonly payloadType: string }
  const payloadType = envelope.payloadType.replace('v1', 'v2')
  const another = Buffer.from(JSON.stringify({ ...envelope, payloadType }))

  expect(() => parseKeyHistory(later, key)).toThrow('the key history has version 2, expected 1')
  expect(codeOf(() => parseKeyHistory(later, key))).toBe('ERR_FORMAT_UNSUPPORTED')
  expect(codeOf(() => parseKeyHistory(another, key))).toBe('ERR_FORMAT_UNSUPPORTED')
})

test('members that a later release added to a signed history are skipped', async () => {
  const { key } = testSigner('ES256', 'trust')
  const plain = parseKeyHistory(await signed(() => undefined), key)
  const later = parseKeyHistory(await signed((it) => (it['notices'] = [{ text: 'x' }])), key)

  expect(later).toEqual(plain)
})

test.each([
  ['state', 'suspended'],
  ['state', 'toString'],
  ['use', 'firmware'],
  ['origin', 'split'],
  ['algorithm', 'ML-DSA-65'],
])('a version whose %s is %s fails for itself alone', (name, value) => {
  const two = [version(), version({ version: 2, key: testSigner('ES256', 'second').key })]
  const history = { sequence: 1, versions: two }
  const json = JSON.parse(Buffer.from(serializeKeyHistory(history)).toString()) as {
    readonly keys: readonly [Record<string, unknown>, Record<string, unknown>]
  }
  const [first, second] = json.keys
  const bytes = Buffer.from(
    JSON.stringify({ ...json, keys: [{ ...first, [name]: value }, second] }),
  )
  const { versions, skipped } = parseKeyHistory(bytes)

  expect(versions.map((each) => each.version)).toEqual([2])
  expect(skipped).toEqual([{ kid: first['kid'], why: `${name} "${value}" is not known` }])
  const without = parseKeyHistory(Buffer.from(JSON.stringify({ ...json, keys: [second] })))
  expect(isSameContent(parseKeyHistory(bytes), without)).toBe(false)
})

test('where no trust key is understood, none is trusted next', async () => {
  const { key } = testSigner('ES256', 'trust')
  const entry = { kid: 'x', algorithm: 'ML-DSA-65', spki: 'AAAA' }
  const none = await signed((it) => (it['trustKeys'] = [entry]))

  expect(parseKeyHistory(none, key).trustKeys).toEqual([])
})

test('contents are compared without the times of their signatures', () => {
  const one: KeyHistory = { sequence: 1, versions: [version()], times: timesFrom(start) }
  const later: KeyHistory = { ...one, times: timesFrom(end) }
  const other: KeyHistory = { ...later, versions: [version({ state: 'destroyed' })] }

  expect(isSameContent(one, later)).toBe(true)
  expect(isSameContent(one, other)).toBe(false)
})
