/** What doctor finds about a key: what its provider says of it. */
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import { describeKeyKind } from '../../src/crypto/public-key.ts'
import { CountersignError } from '../../src/errors.ts'
import { canDiagnose } from '../../src/providers/provider.ts'
import { pinnedOptions } from '../keys/names.ts'
import type { CommandKeys } from '../keys/open.ts'
import { failure, type Finding, fromDiagnosis, look } from './finding.ts'

/** How a key is looked at. */
export interface KeyLook {
  readonly algorithm: AlgorithmName | undefined
  readonly signal: AbortSignal
}

/** Looks at a key as far as its provider can without making a signature that counts. */
export async function checkKey(
  reference: string,
  keys: CommandKeys,
  options: KeyLook,
): Promise<readonly Finding[]> {
  try {
    const chosen = await keys.find(reference)
    const provider = await keys.provider(chosen.uri)
    if (canDiagnose(provider)) {
      const diagnoses = await provider.diagnose(chosen.uri, pinnedOptions(chosen, options))
      return diagnoses.map((diagnosis) => fromDiagnosis(diagnosis))
    }
  } catch (error) {
    if (!CountersignError.is(error) || CountersignError.is(error, 'ERR_CANCELLED')) throw error
    return [failure('key', 'reference', error)]
  }
  const describe = async (): Promise<string> => {
    const key = await keys.describe(reference, options)
    return `${describeKeyKind(key)}, kid ${key.kid}; a public key, for verification only`
  }
  return [await look('key', 'key', describe)]
}
