/**
 * Where credentials are looked for, first found first: the variable DOCKER_AUTH_CONFIG, a Docker
 * configuration, then podman's files; in each the registry's own helper, the file's own entry, the helper for all registries.
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
export type RegistryCredentialSource = (
  target: CredentialTarget,
) => Promise<Credentials | undefined>

/** Where a user's credentials lie. */
export interface CredentialOptions extends HelperOptions {
  /** Absolute path of the home directory. */
  readonly homeDirectory: string
}

/** The name under which Docker's tools keep Docker Hub. */
const DOCKER_HUB_SERVER = 'https://index.docker.io/v1/'

const MAX_FILE_BYTES = 1024 * 1024

/** Never finds any: reads what is public. */
export const anonymous: RegistryCredentialSource = () => Promise.resolve(undefined)

/**
 * Looks in the user's credential files, which are read again on every call; a file that is not there
 * is passed over. A file or helper that fails keeps none of the others from being asked.
 *
 * @throws {@link CountersignError} from the source, where nothing was found: ERR_CONFIG_INVALID,
 * ERR_FILE_READ, and a helper's errors
 */
export function createCredentialSource(options: CredentialOptions): RegistryCredentialSource {
  return async (target) => {
    const failures: unknown[] = []
    for (const read of authFiles(options)) {
      try {
        const file = await read()
        const found = file && (await lookUp(file, target, { ...options, failures }))
        if (found !== undefined) return found
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
    return undefined
  }
}

const VARIABLE = 'DOCKER_AUTH_CONFIG'

function authFiles(options: CredentialOptions): readonly (() => Promise<AuthFile | undefined>)[] {
  const text = options.variables[VARIABLE] ?? ''
  const variable = (): Promise<AuthFile> =>
    Promise.resolve().then(() => parseAuthFile(VARIABLE, Buffer.from(text)))
  return [variable, ...authFilePaths(options).map((path) => () => readAuthFile(path))]
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
  options: HelperOptions & { readonly failures: unknown[] },
): Promise<Credentials | undefined> {
  const isHub = DOCKER_HUB_NAMES.includes(target.registry)
  const server = isHub ? DOCKER_HUB_SERVER : target.registry
  const ask = async (helper: string | undefined): Promise<Credentials | undefined> => {
    if (helper === undefined || helper === '') return undefined
    return askHelper(helper, server, options).catch((error: unknown) => {
      options.failures.push(error)
      return undefined
    })
  }
  return (
    (await ask(registryHelper(file, target))) ??
    storedCredentials(file, target) ??
    (await ask(defaultHelper(file)))
  )
}
