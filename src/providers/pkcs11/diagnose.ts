/**
 * What stands between a key reference and a signature, one thing after the other.
 *
 * @packageDocumentation
 */
import { describeKeyKind } from '../../crypto/public-key.ts'
import { createSigner } from '../../signing/signer.ts'
import { runChecks } from '../diagnosis.ts'
import type { Diagnosis, OpenKeyOptions } from '../provider.ts'
import { createTokenBackend } from './backend.ts'
import type { Pkcs11Module } from './module.ts'
import { type KeyOnToken, pinTokenKey } from './open-key.ts'

/** How to get at what is looked at. */
export interface Suspect {
  readonly openModule: () => Promise<Pkcs11Module>
  readonly connect: () => Promise<KeyOnToken>
}

const PROBE = Buffer.from('countersign probe: a signature that says nothing')

/**
 * Looks at the module, the token, the PIN, the key and a test signature, up to the first that fails. A
 * PIN is tried only where a wrong one would not lock the token, and once.
 */
export function diagnoseKey(
  { openModule, connect }: Suspect,
  options: OpenKeyOptions,
): Promise<readonly Diagnosis[]> {
  return runChecks([
    ['module', async () => (await openModule()).path],
    [
      'token',
      async () => {
        const { label, serial, slotId } = (await connect()).connection.token
        return `token "${label}", serial ${serial}, slot-id ${slotId}`
      },
    ],
    [
      'pin',
      async () => {
        const { connection, pin } = await connect()
        const work = { operation: 'logging in', pin, signal: options.signal }
        await connection.run(work, () => undefined)
        return 'the token accepts the PIN'
      },
    ],
    [
      'key',
      async () => {
        const { publicKey } = await pinTokenKey(await connect(), options)
        return `${describeKeyKind(publicKey)}, kid ${publicKey.kid}`
      },
    ],
    [
      'signature',
      async () => {
        const pinned = await pinTokenKey(await connect(), options)
        const signer = createSigner(pinned.publicKey, createTokenBackend(pinned))
        await signer.sign(PROBE, { signal: options.signal })
        return `a test signature with ${signer.key.algorithm.name} verifies`
      },
    ],
  ])
}
