import { expect, test } from 'vitest'
import { CountersignError } from '../../../src/errors.ts'
import type { Keyring } from '../../../src/rotation/keyring.ts'
import { BackendProbes } from '../../../src/service/health/backend-probes.ts'
import type { Signer } from '../../../src/signing/signer.ts'
import { codeOfAsync } from '../../support/errors.ts'
import { serviceKey, serviceVersion } from '../../support/service-keys.ts'
import { testSigner } from '../../support/signers.ts'

const SIGNAL = new AbortController().signal

/** A keyring of one key whose backend the test speaks for. */
function keyringOf(sign: Signer['sign']): Keyring {
  const signer = { ...testSigner(), sign }
  const active = {
    key: serviceKey('release', 'artifact'),
    version: serviceVersion('release', signer),
    signer,
  }
  return {
    snapshot: { sequence: 1, keys: [active.key], versions: [active.version] },
    activeSigner: () => Promise.resolve(active),
    onChange: () => () => undefined,
    refresh: () => Promise.resolve(),
  }
}

test('a backend that signed lately is not asked again', async () => {
  let now = new Date('2026-11-22T10:00:00Z')
  let signatures = 0
  const keyring = keyringOf(() => {
    signatures += 1
    return Promise.resolve(new Uint8Array())
  })
  const [check] = new BackendProbes(keyring, () => now).checks()

  await check?.check(SIGNAL)
  await check?.check(SIGNAL)
  now = new Date('2026-11-22T10:01:00Z')
  await check?.check(SIGNAL)

  expect(check?.name).toBe('key release')
  expect(signatures).toBe(2)
})

test('a failing backend is asked at every check until it signs', async () => {
  let isBroken = true
  const outage = new CountersignError('ERR_PROVIDER_UNAVAILABLE', 'out of reach')
  const keyring = keyringOf(() =>
    isBroken ? Promise.reject(outage) : Promise.resolve(new Uint8Array()),
  )
  const [check] = new BackendProbes(keyring, () => new Date('2026-11-22T10:00:00Z')).checks()
  const look = (): Promise<void> => check?.check(SIGNAL) ?? Promise.reject(outage)

  const first = await codeOfAsync(look)
  isBroken = false
  const second = await codeOfAsync(look)

  expect([first, second]).toEqual(['ERR_PROVIDER_UNAVAILABLE', 'accepted'])
})
