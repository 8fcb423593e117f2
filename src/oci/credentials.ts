/**
 * Where credentials are looked for, first found first: a Docker configuration, then podman's files;
 * in each the registry's own helper, the file's own entry, the helper for all registries.
 *
 * @packageDocumentation
 */
import { join } from 'node:path'
import { hasErrno, readFileBounded } from '../files.ts'
import {
  type AuthFile,
  type Credentials,
  type CredentialTarget,
  defaultHelper,
  parseAuthFile,
  registryHelper,
  storedCredentials,
} from './auth-file.ts'
import { askHelper, type HelperOptions } from './credential-helper.ts'
import { DOCKER_HUB_NAMES } from './registry-host.ts'

/** Finds the credentials of a registry, or none; asked only once a registry has said it wants some. */
export type CredentialSource = (target: CredentialTarget) => Promise<Credentials | undefined>

/** Where a user's credentials lie. */
export interface CredentialOptions extends HelperOptions {
  /** Absolute path of the home directory. */
  readonly homeDirectory: string
}

/** The name under which Docker's tools keep Docker Hub. */
const DOCKER_HUB_SERVER = 'https://index.docker.io/v1/'

const MAX_FILE_BYTES = 1024 * 1024

/** Never finds any: reads what is public. */
export const anonymous: CredentialSource = () => Promise.resolve(undefined)

/**
 * Looks in the user's credential files, which are read again on every call; a file that is not there
 * is passed over.
 *
 * @throws {@link CountersignError} from the source: ERR_CONFIG_INVALID, ERR_FILE_READ, and a helper's errors
 */
export function createCredentialSource(options: CredentialOptions): CredentialSource {
  return async (target) => {
    for (const path of authFilePaths(options)) {
      const file = await readAuthFile(path)
      const found = file && (await lookUp(file, target, options))
      if (found !== undefined) return found
    }
    return undefined
  }
}

/** The files in the order in which they are read. `DOCKER_CONFIG` replaces `~/.docker`, as for Docker. */
export function authFilePaths({ variables, homeDirectory }: CredentialOptions): readonly string[] {
  const docker = variables['DOCKER_CONFIG'] ?? ''
  const named = variables['REGISTRY_AUTH_FILE'] ?? ''
  const session = variables['XDG_RUNTIME_DIR'] ?? ''
  return [
    join(docker === '' ? join(homeDirectory, '.docker') : docker, 'config.json'),
    ...(named === '' ? [] : [named]),
    ...(session === '' ? [] : [join(session, 'containers', 'auth.json')]),
    join(homeDirectory, '.config', 'containers', 'auth.json'),
  ]
}

async function readAuthFile(path: string): Promise<AuthFile | undefined> {
  try {
    return parseAuthFile(path, await readFileBounded(path, MAX_FILE_BYTES))
  } catch (error) {
    if (hasErrno(error, 'ENOENT') || hasErrno(error, 'ENOTDIR')) return undefined
    throw error
  }
}

async function lookUp(
  file: AuthFile,
  target: CredentialTarget,
  options: HelperOptions,
): Promise<Credentials | undefined> {
  const isHub = DOCKER_HUB_NAMES.includes(target.registry)
  const ask = (helper: string | undefined): Promise<Credentials | undefined> | undefined =>
    helper === undefined || helper === ''
      ? undefined
      : askHelper(helper, isHub ? DOCKER_HUB_SERVER : target.registry, options)
  return (
    (await ask(registryHelper(file, target))) ??
    storedCredentials(file, target) ??
    (await ask(defaultHelper(file)))
  )
}
