/**
 * What stands between a key file and a signature.
 *
 * @packageDocumentation
 */
import { stat } from 'node:fs/promises'
import { describeKeyKind, type PublicKeyInfo } from '../../crypto/public-key.ts'
import { CountersignError } from '../../errors.ts'
import type { Signer } from '../../signing/signer.ts'
import { runChecks } from '../diagnosis.ts'
import type { Diagnosis } from '../provider.ts'

/** How to get at what is looked at. */
export interface SuspectFile {
  readonly describe: () => Promise<PublicKeyInfo>
  readonly open: () => Promise<Signer>
}

const PROBE = Buffer.from('countersign probe: a signature that says nothing')

/** Looks at the key, a test signature and who else may use the file, up to the first that fails. */
export function diagnoseKeyFile(
  path: string,
  { describe, open }: SuspectFile,
): Promise<readonly Diagnosis[]> {
  return runChecks([
    [
      'key',
      async () => {
        const key = await describe()
        return `${describeKeyKind(key)}, kid ${key.kid}`
      },
    ],
    [
      'signature',
      async () => {
        const signer = await open()
        await signer.sign(PROBE)
        return `a test signature with ${signer.key.algorithm.name} verifies`
      },
    ],
    ['permissions', () => readPermissions(path)],
  ])
}

/**
 * Makes sure that only its owner may use a key file; answers its mode.
 *
 * @throws {@link CountersignError} ERR_NOT_ALLOWED — others may
 */
export async function readPermissions(path: string): Promise<string> {
  const mode = (await stat(path)).mode & 0o777
  const octal = mode.toString(8).padStart(4, '0')
  if ((mode & 0o077) === 0) return `mode ${octal}`
  throw new CountersignError('ERR_NOT_ALLOWED', `others may use "${path}": its mode is ${octal}`, {
    hint: `keep it to yourself: chmod 600 ${path}`,
  })
}
