/**
 * The public Sigstore instance: its trusted root comes by TUF from a root of trust that \@sigstore/tuf has
 * built in. What came last is kept, for use without a network.
 *
 * @packageDocumentation
 */
import { mkdir, stat } from 'node:fs/promises'
import { setGlobalProxyFromEnv } from 'node:http'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { TrustedRoot } from '@sigstore/protobuf-specs'
import { DEFAULT_MIRROR_URL, initTUF } from '@sigstore/tuf'
import { displayProxy, readProxies } from '../../src/client/proxies.ts'
import { CountersignError } from '../../src/errors.ts'
import { readFileBounded, writeFileAtomically } from '../../src/files.ts'
import { parseTrustedRoot } from '../../src/verification/trusted-root.ts'
import type { Context } from '../context.ts'

const MAX_ROOT_BYTES = 4 * 1024 * 1024

/** A copy of the public instance's trusted root counts for as long as one of a service's keys. */
const MAX_COPY_DAYS = 30
const DAY_MS = 86_400_000

type World = Pick<Context, 'env' | 'now'>

/** Which instance, and a trusted root in place of its own. */
export interface InstanceFlags {
  readonly staging?: true | undefined
  readonly trustedRoot?: string | undefined
}

/** Where the trusted root is fetched; tests fetch it elsewhere. */
export interface TufMirror {
  readonly mirrorURL?: string
  /** File of the first root of trust of the mirror. */
  readonly rootPath?: string
}

/**
 * Reads the trusted root that was given, or fetches that of the instance.
 *
 * @throws {@link CountersignError} ERR_OPERATION_UNSUPPORTED — nothing to start from for the staging
 * instance; ERR_NETWORK; ERR_TRUST_INVALID — what was fetched is not properly signed
 */
export async function readInstanceRoot(
  flags: InstanceFlags,
  world: World,
  mirror: TufMirror = {},
): Promise<TrustedRoot> {
  const { trustedRoot, staging } = flags
  if (trustedRoot !== undefined) {
    return parseTrustedRoot(await readFileBounded(trustedRoot, MAX_ROOT_BYTES))
  }
  if (staging !== true) return fetchTrustedRoot(world, mirror)
  throw new CountersignError(
    'ERR_OPERATION_UNSUPPORTED',
    'no root of trust of the Sigstore staging instance is built in',
    { hint: 'give its trusted root with --trusted-root FILE' },
  )
}

/**
 * Reads the trusted root of the public instance without a connection: the copy of the last fetch.
 *
 * @throws {@link CountersignError} ERR_TRUST_STALE — nothing was fetched; ERR_TRUST_EXPIRED — longer ago than
 * 30 days
 */
export async function readInstanceCopy(world: World): Promise<TrustedRoot> {
  const path = copyPath(world)
  const found = await stat(path).catch(() => undefined)
  const hint =
    'run the command once while connected, or give a trusted root with --trusted-root FILE'
  if (found === undefined) {
    const what =
      '--offline, and there is no copy of the trusted root of the public Sigstore instance'
    throw new CountersignError('ERR_TRUST_STALE', what, { hint })
  }
  const age = (world.now().getTime() - found.mtimeMs) / DAY_MS
  if (age > MAX_COPY_DAYS) {
    const what = `the copy of the trusted root of the public Sigstore instance is ${Math.floor(age)} days old`
    throw new CountersignError('ERR_TRUST_EXPIRED', `${what}, at most ${MAX_COPY_DAYS}`, { hint })
  }
  return parseTrustedRoot(await readFileBounded(path, MAX_ROOT_BYTES))
}

async function fetchTrustedRoot(world: World, mirror: TufMirror): Promise<TrustedRoot> {
  const folder = cacheFolder(world)
  const proxy = readProxies(world.env).proxyFor(new URL(mirror.mirrorURL ?? DEFAULT_MIRROR_URL))
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const bytes = await throughProxy(proxy, async () => {
      const tuf = await initTUF({ cachePath: join(folder, 'tuf'), ...mirror })
      return Buffer.from(await tuf.getTarget('trusted_root.json'))
    })
    const root = await parseTrustedRoot(bytes)
    await writeFileAtomically(copyPath(world), bytes, { mode: 0o600, overwrite: true })
    return root
  } catch (cause) {
    if (CountersignError.is(cause)) throw cause
    throw isFileError(cause) ? noCache(folder, cause) : toFetchError(cause, proxy)
  }
}

/** The client of TUF fetches with what is global, so that is what has the proxy, for as long as it takes. */
async function throughProxy<T>(proxy: URL | undefined, work: () => Promise<T>): Promise<T> {
  if (proxy === undefined) return work()
  const restore = setGlobalProxyFromEnv({ https_proxy: proxy.href, http_proxy: proxy.href })
  try {
    return await work()
  } finally {
    restore()
  }
}

function copyPath(world: World): string {
  return join(cacheFolder(world), 'public-good-root.json')
}

function cacheFolder({ env }: World): string {
  const given = env['XDG_CACHE_HOME'] ?? ''
  const cache = given === '' ? join(env['HOME'] ?? homedir(), '.cache') : given
  return join(cache, 'countersign')
}

/** What tuf-js and \@tufjs/models call a repository that breaks the rules of TUF. */
const REFUSALS = ['RepositoryError', 'ValueError', 'RuntimeError', 'CryptoError']

function toFetchError(cause: unknown, proxy: URL | undefined): CountersignError {
  const names = classNames(rootCause(cause))
  const isRefused = REFUSALS.some((name) => names.includes(name))
  const code = isRefused ? 'ERR_TRUST_INVALID' : 'ERR_NETWORK'
  const what = isRefused ? 'is not properly signed' : 'cannot be fetched'
  const way = proxy === undefined ? '' : ` through the proxy ${displayProxy(proxy)}`
  return new CountersignError(
    code,
    `the trusted root of the public Sigstore instance ${what}${way} (${DEFAULT_MIRROR_URL})`,
    {
      hint: 'try again; --offline uses the copy of the last fetch, --trusted-root FILE another root',
      cause,
    },
  )
}

/** TUF keeps what it saw last, so that nothing older is taken for new. */
function noCache(folder: string, cause: unknown): CountersignError {
  const what = 'the trusted root of the public Sigstore instance needs a folder to be kept in'
  return new CountersignError('ERR_FILE_WRITE', `${what}, and "${folder}" cannot be written`, {
    hint: 'set XDG_CACHE_HOME to a folder that can be written, or give --trusted-root FILE',
    cause,
  })
}

function isFileError(error: unknown): boolean {
  const cause = rootCause(error)
  return cause instanceof Error && 'syscall' in cause && 'path' in cause
}

function rootCause(error: unknown): unknown {
  let inner = error
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause
  return inner
}

/** Names of an object's class and of those it is derived from. */
function classNames(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return []
  const parent: unknown = Object.getPrototypeOf(value)
  return [value.constructor.name, ...classNames(parent)]
}
