/** Opens the storage that a setting names: a folder, or a bucket. */
import { type ProxyVariables, readProxies } from '../client/proxies.ts'
import { type FolderStorageOptions, openFolderStorage } from './folder-storage.ts'
import type { ObjectStorage } from './object-storage.ts'
import { isS3Uri, parseS3Uri } from './s3/uri.ts'

/** What a storage is opened with. */
export interface OpenStorageOptions extends FolderStorageOptions {
  /** The variables of the environment: proxies, and the endpoints that the AWS SDK finds there. */
  readonly env: ProxyVariables
}

const CONNECT_MS = 3000
const REQUEST_MS = 10_000
/** Where the SDK takes another endpoint than AWS's from. */
const ENDPOINT_VARIABLES = ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL']

/**
 * Opens a folder, or `s3://BUCKET/PREFIX`.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — a malformed reference
 */
export async function openStorage(
  location: string,
  { env, ...options }: OpenStorageOptions,
): Promise<ObjectStorage> {
  if (!isS3Uri(location)) return openFolderStorage(location, options)
  const uri = parseS3Uri(location)
  const isElsewhere = ENDPOINT_VARIABLES.some((name) => (env[name] ?? '') !== '')
  const { openS3Storage } = await import('./s3/s3-storage.ts')
  return openS3Storage(uri, {
    connectMs: CONNECT_MS,
    requestMs: REQUEST_MS,
    proxies: readProxies(env),
    isPathStyle: uri.endpoint !== undefined || isElsewhere,
  })
}
