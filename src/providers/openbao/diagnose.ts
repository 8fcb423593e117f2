/** What is wrong with a transit key, check by check, without making a signature. */
import { CountersignError } from '../../errors.ts'
import { isJsonObject, type JsonObject } from '../../formats/json.ts'
import { runChecks } from '../diagnosis.ts'
import type { Diagnosis, OpenKeyOptions } from '../provider.ts'
import type { BaoClient } from './client.ts'
import { foundError } from './errors.ts'
import { assertVersionSigns, readTransitVersion } from './key.ts'
import type { OpenBaoUri } from './uri.ts'

/** Looks at the settings, the server, the token, the key, its version and the permission to sign. */
export function diagnoseTransitKey(
  connect: () => Promise<BaoClient>,
  uri: OpenBaoUri,
  options: OpenKeyOptions = {},
): Promise<readonly Diagnosis[]> {
  const { signal } = options
  return runChecks([
    ['configuration', async () => describeServer(await connect())],
    ['server', async () => checkServer(await connect(), signal)],
    ['credentials', async () => checkToken(await connect(), signal)],
    ['key', async () => checkKey(await connect(), uri, options)],
    ['sign-permission', async () => checkPermission(await connect(), uri, signal)],
  ])
}

function describeServer({ server }: BaoClient): string {
  const namespace = server.namespace === undefined ? '' : `, namespace ${server.namespace}`
  return `${server.address}, engine ${server.mount}${namespace}`
}

/** The health of a server is asked so that each state is a success, and read from the answer. */
async function checkServer(client: BaoClient, signal: AbortSignal | undefined): Promise<string> {
  const states = ['standbyok=true', 'sealedcode=200', 'uninitcode=200', 'drsecondarycode=200']
  const path = `sys/health?${states.join('&')}`
  const call = { method: 'GET', path, mount: 'sys' } as const
  const health = await client.callAnonymously({ ...call, signal })
  const version = typeof health['version'] === 'string' ? health['version'] : 'unknown'
  if (health['initialized'] === false) {
    throw foundError('not-initialized', call)
  }
  if (health['sealed'] === true) {
    throw foundError('sealed', call)
  }
  return `version ${version}, ${health['standby'] === true ? 'standby' : 'active'}`
}

async function checkToken(client: BaoClient, signal: AbortSignal | undefined): Promise<string> {
  const path = 'auth/token/lookup-self'
  try {
    const { data } = await client.call({ method: 'GET', path, signal })
    const policies = isJsonObject(data) ? data['policies'] : undefined
    return `a token with the policies ${Array.isArray(policies) ? policies.join(', ') : 'unknown'}`
  } catch (error) {
    // It may be valid all the same: the next checks show it.
    if (CountersignError.is(error, 'ERR_NOT_ALLOWED')) return 'a token that may not look itself up'
    throw error
  }
}

async function checkKey(
  client: BaoClient,
  uri: OpenBaoUri,
  options: OpenKeyOptions,
): Promise<string> {
  const found = await readTransitVersion(client, uri, options)
  assertVersionSigns(client, found)
  const { name, version, publicKey } = found
  return `${name}, version ${version}: ${publicKey.algorithm.name}, kid ${publicKey.kid}`
}

async function checkPermission(
  client: BaoClient,
  uri: OpenBaoUri,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { mount } = client.server
  const path = `${mount}/sign/${uri.key}`
  const body: JsonObject = { paths: [path] }
  const answer = await client.call({
    method: 'POST',
    path: 'sys/capabilities-self',
    body,
    signal,
  })
  const found = isJsonObject(answer['data']) ? answer['data'][path] : undefined
  const capabilities = Array.isArray(found) ? found : []
  if (capabilities.includes('root') || capabilities.includes('update')) return `${path} is allowed`
  const call = { method: 'POST', path, mount, key: uri.key } as const
  throw foundError('policy', call, {
    message: `the policies of the token do not allow ${path}`,
  })
}
