/**
 * What stands between a key reference and a signature, one thing after the other.
 *
 * @packageDocumentation
 */
import { describeKeyKind } from '../../crypto/public-key.ts'
import type { Signer } from '../../signing/signer.ts'
import { runChecks } from '../diagnosis.ts'
import type { Diagnosis, OpenKeyOptions } from '../provider.ts'
import type { TokenCaller } from './calls.ts'
import type { Pkcs11Uri } from './uri.ts'
import { PROBE } from './probe.ts'

/** How to get at the key that is diagnosed. */
export interface Suspect {
  /** The reference, with the path of its module. */
  readonly admit: () => Promise<Pkcs11Uri>
  readonly open: () => Promise<Signer>
}

/**
 * Checks the module, the token, the PIN, the key and a test signature, up to the first that fails. A
 * PIN is tried only where a wrong one would not lock the token, and once.
 */
export function diagnoseKey(
  caller: TokenCaller,
  { signal }: OpenKeyOptions,
  { admit, open }: Suspect,
): Promise<readonly Diagnosis[]> {
  return runChecks([
    [
      'module',
      async () => {
        const uri = await admit()
        await caller.call('loadModule', { uri }, signal)
        return uri.modulePath ?? ''
      },
    ],
    ['token', async () => caller.call('findToken', { uri: await admit() }, signal)],
    [
      'pin',
      async () => {
        await caller.call('logIn', { uri: await admit() }, signal)
        return 'the token accepts the PIN'
      },
    ],
    [
      'key',
      async () => {
        const { key } = await open()
        return `${describeKeyKind(key)}, kid ${key.kid}`
      },
    ],
    [
      'signature',
      async () => {
        const signer = await open()
        await signer.sign(PROBE, { signal })
        return `a test signature with ${signer.key.algorithm.name} verifies`
      },
    ],
  ])
}
