/**
 * The public Sigstore instance, for the conformance protocol: its trusted root comes by TUF from a root
 * of trust that \@sigstore/tuf has built in.
 *
 * @packageDocumentation
 */
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { TrustedRoot } from '@sigstore/protobuf-specs'
import { initTUF } from '@sigstore/tuf'
import type { Environment } from '../src/config/environment.ts'
import { CountersignError } from '../src/errors.ts'
import { readFileBounded } from '../src/files.ts'
import { parseTrustedRoot } from '../src/verification/trusted-root.ts'

const MAX_ROOT_BYTES = 4 * 1024 * 1024

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
  env: Environment,
  mirror: TufMirror = {},
): Promise<TrustedRoot> {
  const { trustedRoot, staging } = flags
  if (trustedRoot !== undefined) {
    return parseTrustedRoot(await readFileBounded(trustedRoot, MAX_ROOT_BYTES))
  }
  if (staging !== true) return fetchTrustedRoot(env, mirror)
  throw new CountersignError(
    'ERR_OPERATION_UNSUPPORTED',
    'no root of trust of the Sigstore staging instance is built in',
    { hint: 'give its trusted root with --trusted-root FILE' },
  )
}

async function fetchTrustedRoot(env: Environment, mirror: TufMirror): Promise<TrustedRoot> {
  const cachePath = join(cacheFolder(env), 'countersign', 'tuf')
  try {
    const tuf = await initTUF({ cachePath, ...mirror })
    return await parseTrustedRoot(Buffer.from(await tuf.getTarget('trusted_root.json')))
  } catch (cause) {
    if (CountersignError.is(cause)) throw cause
    throw toFetchError(cause)
  }
}

function cacheFolder(env: Environment): string {
  const given = env['XDG_CACHE_HOME'] ?? ''
  return given === '' ? join(env['HOME'] ?? homedir(), '.cache') : given
}

/** What tuf-js and \@tufjs/models call a repository that breaks the rules of TUF. */
const REFUSALS = ['RepositoryError', 'ValueError', 'RuntimeError', 'CryptoError']

function toFetchError(cause: unknown): CountersignError {
  const names = classNames(rootCause(cause))
  const isRefused = REFUSALS.some((name) => names.includes(name))
  const code = isRefused ? 'ERR_TRUST_INVALID' : 'ERR_NETWORK'
  const what = isRefused ? 'is not properly signed' : 'can not be fetched'
  return new CountersignError(code, `the trusted root of the Sigstore instance ${what}`, {
    hint: 'try again, or give a trusted root with --trusted-root FILE',
    cause,
  })
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
