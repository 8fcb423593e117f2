import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import { MessageImprint, TimeStampReq } from '@peculiar/asn1-tsp'
import { AlgorithmIdentifier, Extension, Extensions } from '@peculiar/asn1-x509'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { digestOf, hashBytes } from '../../src/crypto/digest.ts'
import { createSigner } from '../../src/signing/signer.ts'
import {
  createTimestampAuthority,
  type TimestampAnswer,
  type TimestampAuthority,
} from '../../src/timestamp/authority.ts'
import { readTimestampResponse } from '../../src/timestamp/response.ts'
import { createStampClock } from '../../src/timestamp/stamp-clock.ts'
import { codeOf, codeOfAsync } from '../support/errors.ts'
import { testSigner } from '../support/signers.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { createTestAuthority, STAMP_TIME, testChain } from '../support/time-stamps.ts'

const SHA256 = '2.16.840.1.101.3.4.2.1'
const DATA = Buffer.from('a signature')

/** A request written by a library that is not ours. */
function request(changes: Partial<TimeStampReq> = {}, algorithm = SHA256, bytes = 32): Buffer {
  const messageImprint = new MessageImprint({
    hashAlgorithm: new AlgorithmIdentifier({ algorithm, parameters: null }),
    hashedMessage: new OctetString(hashBytes('sha512', DATA).subarray(0, bytes)),
  })
  const asked = new TimeStampReq({ messageImprint, ...changes })
  return Buffer.from(AsnConvert.serialize(asked))
}

const failureOf = (answer: TimestampAnswer): string | undefined =>
  'rejection' in answer ? answer.rejection.failure : undefined

const respond = (
  der: Uint8Array,
  { authority } = createTestAuthority(),
): Promise<TimestampAnswer> => authority.respond(der)

test.each(
  (['ES256', 'ES384', 'ES512', 'RS256'] as const).flatMap((algorithm) =>
    ['sha256', 'sha384', 'sha512'].map((hash) => ({ algorithm, hash })),
  ),
)('openssl verifies a $algorithm time stamp over $hash', async ({ algorithm, hash }) => {
  const { authority, root } = createTestAuthority(algorithm)
  const folder = createTempFolder()
  const openssl = (...args: string[]): string =>
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }).toString()
  writeFileSync(join(folder, 'data'), DATA)
  writeFileSync(join(folder, 'root.pem'), root)
  const query = ['ts', '-query', '-data', 'data', `-${hash}`, '-cert']
  const der = execFileSync('openssl', query, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
  writeFileSync(join(folder, 'query'), der)

  writeFileSync(join(folder, 'reply'), (await authority.respond(der)).response)

  const verify = ['ts', '-verify', '-in', 'reply', '-CAfile', 'root.pem']
  expect(openssl(...verify, '-queryfile', 'query')).toContain('Verification: OK')
  expect(openssl(...verify, '-data', 'data')).toContain('Verification: OK')
  const text = openssl('ts', '-reply', '-in', 'reply', '-text')
  expect(text).toContain('Time stamp: Mar  4 05:06:07 2026 GMT')
  expect(text).toContain(`Hash Algorithm: ${hash}`)
})

test('a time stamp of a signature says its SHA-256, the time and the serial number', async () => {
  const { authority } = createTestAuthority()

  const stamp = await authority.stampSignature(DATA)

  expect(stamp.digest).toBe(digestOf(DATA))
  expect(stamp.time).toEqual(STAMP_TIME)
  const { digest, time, serial } = readTimestampResponse(stamp.response)
  expect({ digest, time, serial }).toEqual({
    digest: stamp.digest,
    time: stamp.time,
    serial: stamp.serial,
  })
})

test('two time stamps never have the same serial number', async () => {
  const { authority } = createTestAuthority()

  const [first, second] = [
    await authority.stamp(digestOf(DATA)),
    await authority.stamp(digestOf(DATA)),
  ]

  expect(first.serial).toMatch(/^[4-7][0-9a-f]{31}$/)
  expect(second.serial).not.toBe(first.serial)
})

test('the nonce is repeated as it came, negative ones too', async () => {
  for (const nonce of [Uint8Array.of(1), Uint8Array.of(0xff), Buffer.alloc(64, 7)]) {
    const { response } = await respond(request({ nonce: Uint8Array.from(nonce).buffer }))

    expect(Buffer.from(readTimestampResponse(response).nonce ?? [])).toEqual(Buffer.from(nonce))
  }
})

test('the certificate is inside exactly where it was asked for', async () => {
  const without = await respond(request())
  const inside = await respond(request({ certReq: true }))

  expect(inside.response.length - without.response.length).toBeGreaterThan(500)
})

test('the policy in use may be asked for by name', async () => {
  const answer = await respond(request({ reqPolicy: '1.3.6.1.4.1.57264.2' }))

  expect(failureOf(answer)).toBeUndefined()
})

const extensions = new Extensions([
  new Extension({ extnID: '1.2.3.4', extnValue: new OctetString(1) }),
])

test.each([
  ['badAlg', 'SHA-1', request({}, '1.3.14.3.2.26', 20)],
  ['badDataFormat', 'a digest of another length', request({}, SHA256, 31)],
  ['badDataFormat', 'bytes behind the request', Buffer.concat([request(), Buffer.of(0)])],
  ['badDataFormat', 'no bytes', Buffer.alloc(0)],
  ['badDataFormat', 'a request of many bytes', Buffer.alloc(5000, 0x30)],
  ['badRequest', 'another version', Buffer.from(request()).fill(2, 4, 5)],
  ['badRequest', 'a nonce of many bytes', request({ nonce: new Uint8Array(65).fill(1).buffer })],
  ['unacceptedPolicy', 'another policy', request({ reqPolicy: '1.2.3.4' })],
  ['unacceptedExtension', 'an extension', request({ extensions })],
] as const)('%s is the answer to %s', async (failure, _what, der) => {
  const answer = await respond(der)

  expect(failureOf(answer)).toBe(failure)
  const folder = createTempFolder()
  writeFileSync(join(folder, 'reply'), answer.response)
  const args = ['ts', '-reply', '-in', join(folder, 'reply'), '-text']
  const text = execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString()
  expect(text).toContain('Status: Rejected.')
  expect(codeOf(() => readTimestampResponse(answer.response))).toBe('ERR_TIMESTAMP_INVALID')
})

test('a clock that went back answers timeNotAvailable, and stamps nothing of ours', async () => {
  let now = STAMP_TIME
  const { authority } = createTestAuthority('ES256', () => now)
  await authority.stamp(digestOf(DATA))

  now = new Date(STAMP_TIME.getTime() - 60_000)

  expect(failureOf(await authority.respond(request()))).toBe('timeNotAvailable')
  expect(await codeOfAsync(() => authority.stamp(digestOf(DATA)))).toBe('ERR_CLOCK')
})

test.each(['2025-12-31T23:59:58Z', '2036-01-01T00:00:01Z'])(
  'at %s, outside of its certificate, an authority gives no time stamp',
  async (time) => {
    const { authority } = createTestAuthority('ES256', () => new Date(time))

    expect(await codeOfAsync(() => authority.respond(request()))).toBe('ERR_KEY_NOT_USABLE')
  },
)

test('an authority is refused whose certificate is for another key', () => {
  const certificates = testChain(testSigner('ES256', 'tsa'))
  const clock = createStampClock(() => STAMP_TIME)
  const signer = testSigner('ES256', 'another')

  expect(codeOf(() => createTimestampAuthority({ signer, certificates, clock }))).toBe(
    'ERR_KEY_INVALID',
  )
})

test('a signature that the certified key did not make never becomes a time stamp', async () => {
  const { key } = testSigner('ES256', 'tsa')
  const other = testSigner('ES256', 'another')
  const signer = createSigner(key, { signMessage: (message) => other.sign(message) })
  const clock = createStampClock(() => STAMP_TIME)
  const authority = createTimestampAuthority({ signer, certificates: testChain(signer), clock })

  expect(await codeOfAsync(() => authority.stampSignature(DATA))).toBe('ERR_PROVIDER_FAULT')
})

test('whatever bytes are sent, there is an answer, and it is well formed', async () => {
  const { authority } = createTestAuthority()
  const mutated = fc
    .tuple(fc.nat(200), fc.integer({ min: 1, max: 255 }))
    .map(([at, flip]) =>
      flipped(request({ certReq: true, nonce: new Uint8Array(8).buffer }), at, flip),
    )
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated), async (bytes) => {
      expect(await isAnswered(authority, bytes)).toBe(true)
    }),
    { numRuns: 500 },
  )
})

function flipped(bytes: Buffer, at: number, flip: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ flip
  return copy
}

async function isAnswered(authority: TimestampAuthority, bytes: Uint8Array): Promise<boolean> {
  const answer = await authority.respond(bytes)
  const expected = 'stamp' in answer ? 'accepted' : 'ERR_TIMESTAMP_INVALID'
  return codeOf(() => readTimestampResponse(answer.response)) === expected
}

test('if any byte of an answer changes, reading fails or returns the changed value', async () => {
  const { authority } = createTestAuthority()
  const { response } = await authority.stampSignature(DATA)
  fc.assert(
    fc.property(fc.nat(2000), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const code = codeOf(() => readTimestampResponse(flipped(Buffer.from(response), at, flip)))
      expect(['accepted', 'ERR_TIMESTAMP_INVALID']).toContain(code)
    }),
  )
})
