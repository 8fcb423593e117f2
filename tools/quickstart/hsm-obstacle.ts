import { isSoftHsmInstalled } from '../../test/support/softhsm.ts'
import { loadsPkcs11 } from '../test/native-addon.ts'

/** Why no HSM can be used here, and what changes that. */
export interface HsmObstacle {
  readonly reason: string
  readonly remedy: string
}

/**
 * Looks for what keeps a command line from the SoftHSM of this machine.
 *
 * @param cli - absolute path of the file that Node runs
 * @returns undefined — nothing does
 */
export function findHsmObstacle(cli: string): HsmObstacle | undefined {
  if (!loadsPkcs11(cli)) {
    return {
      reason:
        'pkcs11js, the native addon for HSMs, does not load (npm leaves it out where it cannot be built)',
      remedy: 'apt-get install python3 g++ make softhsm2, then npm ci',
    }
  }
  if (!isSoftHsmInstalled()) {
    return { reason: 'SoftHSM is not installed', remedy: 'apt-get install softhsm2' }
  }
  return undefined
}
