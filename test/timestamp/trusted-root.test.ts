import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import type { KeyVersion } from '../../src/keys/key.ts'
import { signArtifact } from '../../src/signing/sign-artifact.ts'
import { serializeTrustedRoot } from '../../src/timestamp/trusted-root.ts'
import { digestArtifact } from '../../src/verification/artifact.ts'
import { SIGNATURE_POLICY } from '../../src/verification/policy.ts'
import { pinKey } from '../../src/verification/trust.ts'
import { parseTrustedRoot } from '../../src/verification/trusted-root.ts'
import { verifyBundle } from '../../src/verification/verify-bundle.ts'
import { codeOfAsync } from '../support/errors.ts'
import { testSigner } from '../support/signers.ts'
import { serviceKey, serviceVersion } from '../support/service-keys.ts'
import { createTestAuthority, STAMP_TIME, testTrustedRoot } from '../support/time-stamps.ts'

const at = (time: string): Date => new Date(`2026-${time}Z`)

/** Verifies a bundle stamped by an authority with what a trusted root says of it. */
async function verdict(changes: Partial<KeyVersion>): Promise<string> {
  const authority = createTestAuthority()
  const stamp = (signature: Uint8Array): Promise<Uint8Array> =>
    authority.authority.stampSignature(signature).then(({ response }) => response)
  const digest = digestOf(Buffer.from('image'))
  const { bundle } = await signArtifact(testSigner(), { digest }, { timestamp: stamp })
  const trustedRoot = await parseTrustedRoot(testTrustedRoot(authority, changes))
  return codeOfAsync(async () => {
    const { times } = await verifyBundle(bundle, digestArtifact('image', [digest]), {
      trust: { keys: [pinKey(testSigner().key)], trustedRoot },
      policy: { ...SIGNATURE_POLICY, evidence: { logEntries: 0, times: 1 } },
      now: STAMP_TIME,
    })
    expect(times).toEqual([{ source: 'timestamp-authority', time: STAMP_TIME }])
  })
}

test('a bundle stamped by an active version verifies', async () => {
  expect(await verdict({})).toBe('accepted')
})

test('what a version stamped before it was retired verifies for ever', async () => {
  const retired = { state: 'retired', retiredAt: at('03-04T05:06:04') } as const
  expect(await verdict(retired)).toBe('accepted')
  expect(await verdict({ ...retired, state: 'destroyed' })).toBe('accepted')
})

test('a time after retirement and the lag of signers does not count', async () => {
  const code = await verdict({ state: 'retired', retiredAt: at('03-04T05:06:01') })
  expect(code).toBe('ERR_TIMESTAMP_INVALID')
})

test('a revoked version counts until it was compromised', async () => {
  const revokedAt = at('05-01T00:00:00')
  const revoked = { state: 'revoked', revokedAt } as const
  expect(await verdict({ ...revoked, compromisedSince: revokedAt })).toBe('accepted')
  const before = at('03-04T05:06:06')
  expect(await verdict({ ...revoked, compromisedSince: before })).toBe('ERR_TIMESTAMP_INVALID')
})

test('a version is known from its publication on, and not while it is unpublished', async () => {
  const starts = async (changes: Partial<KeyVersion>): Promise<unknown> => {
    const root = await parseTrustedRoot(testTrustedRoot(createTestAuthority(), changes))
    return root.timestampAuthorities.map(({ validFor }) => validFor?.start)
  }
  const pending = { state: 'pending', activatedAt: undefined } as const

  expect(await starts(pending)).toEqual([at('01-02T00:00:00')])
  expect(await starts({ ...pending, publishedAt: undefined })).toEqual([])
})

test('a version compromised since its activation is not an authority at all', async () => {
  const compromisedSince = at('01-03T00:00:00')
  const revoked = { state: 'revoked', revokedAt: at('05-01T00:00:00'), compromisedSince } as const
  const document = testTrustedRoot(createTestAuthority(), revoked)

  expect((await parseTrustedRoot(document)).timestampAuthorities).toEqual([])
})

test('a log that is named by an IPv6 address has it in brackets in its address', async () => {
  const document = serializeTrustedRoot({
    issuer: 'https://[2001:db8::1]',
    logOrigin: '2001:db8::1',
    keys: [serviceKey('log', 'log')],
    versions: [serviceVersion('log', testSigner('EdDSA', 'log'))],
  })

  const { tlogs } = await parseTrustedRoot(document)

  expect(tlogs).toMatchObject([{ baseUrl: 'https://[2001:db8::1]' }])
})

test('a version without certificates is left out, and so is a log without a Sigstore name', () => {
  const document = serializeTrustedRoot({
    issuer: 'https://sign.example.com/countersign',
    logOrigin: 'log.example.com',
    keys: [serviceKey('tsa', 'timestamp'), serviceKey('log', 'log'), serviceKey('log2', 'log')],
    versions: [
      serviceVersion('tsa', testSigner('ES256', 'tsa')),
      serviceVersion('log', testSigner('EdDSA', 'log')),
      serviceVersion('log2', testSigner('RS256', 'log')),
    ],
  })

  expect(JSON.parse(Buffer.from(document).toString())).toMatchObject({
    timestampAuthorities: [],
    tlogs: [{ baseUrl: 'https://log.example.com' }],
  })
})
