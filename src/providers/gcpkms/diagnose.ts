/** What is wrong with a key in Cloud KMS, check by check, without making a signature. */
import { CountersignError } from '../../errors.ts'
import { runChecks } from '../diagnosis.ts'
import type { Diagnosis, OpenKeyOptions } from '../provider.ts'
import type { GcpKmsClient } from './client.ts'
import { bindingFor, versionCommand } from './causes/commands.ts'
import { getGcpVersion, readGcpKey } from './key.ts'
import { type GcpKmsUri, keyName } from './uri.ts'

const SIGN = 'cloudkms.cryptoKeyVersions.useToSign'

/** Looks at the credentials, the key, the state of its version, and the permission to sign. */
export function diagnoseGcpKey(
  client: GcpKmsClient,
  uri: GcpKmsUri,
  options: OpenKeyOptions = {},
): Promise<readonly Diagnosis[]> {
  const { signal } = options
  const pinned = readGcpKey(client, uri, options)
  // Awaited below, where its failure is a finding.
  pinned.catch(() => undefined)
  return runChecks([
    [
      'credentials',
      async () => {
        await client.token(signal)
        return 'an access token of Google Cloud'
      },
    ],
    [
      'key',
      async () => {
        const { name, publicKey } = await pinned
        return `${name}: ${publicKey.algorithm.name}, kid ${publicKey.kid}`
      },
    ],
    ['key-state', async () => checkState(client, (await pinned).name, signal)],
    ['sign-permission', () => checkPermission(client, uri, signal)],
  ])
}

async function checkState(
  client: GcpKmsClient,
  name: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const found = await getGcpVersion(client, name, signal)
  const state = found.text('state')
  if (state === 'ENABLED') return `${state}, ${found.text('protectionLevel')}`
  throw new CountersignError('ERR_KEY_NOT_USABLE', `the version is ${state}`, {
    hint: `enable it: ${versionCommand('enable', name)}`,
  })
}

async function checkPermission(
  client: GcpKmsClient,
  uri: GcpKmsUri,
  signal: AbortSignal | undefined,
): Promise<string> {
  const name = keyName(uri)
  const path = `${name}:testIamPermissions`
  const body = { permissions: [SIGN] }
  const answer = await client.call({
    method: 'POST',
    operation: 'testIamPermissions',
    name,
    path,
    body,
    signal,
  })
  const granted = answer.value('permissions')
  if (Array.isArray(granted) && granted.includes(SIGN)) return `${SIGN} is granted`
  throw new CountersignError('ERR_NOT_ALLOWED', `the credentials lack ${SIGN}`, {
    hint: bindingFor({ operation: 'asymmetricSign', name }),
  })
}
