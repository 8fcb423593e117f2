/**
 * Credential files: Docker's `config.json` and podman's `auth.json`, which share one format. The
 * user wrote them; they are read strictly, and no value of theirs appears in an error.
 *
 * @packageDocumentation
 */
import { decodeBase64 } from '../crypto/base64.ts'
import { CountersignError } from '../errors.ts'
import { type ObjectReader, parseJson, readObject } from '../formats/json.ts'
import { DOCKER_HUB_NAMES } from './registry-host.ts'

/** User name and password of a registry. */
export interface PasswordCredentials {
  readonly kind: 'password'
  readonly username: string
  readonly password: string
  /** Where they were found, for messages: a file, a helper, a flag. */
  readonly source: string
}

/** A long-lived token that a token server exchanges for short ones. */
export interface IdentityToken {
  readonly kind: 'identity-token'
  readonly token: string
  readonly source: string
}

/** A token that is sent to the registry as it is. */
export interface RegistryToken {
  readonly kind: 'registry-token'
  readonly token: string
  readonly source: string
}

/** What opens a registry. */
export type Credentials = PasswordCredentials | IdentityToken | RegistryToken

/** A credential file, parsed. */
export interface AuthFile {
  readonly path: string
  readonly document: ObjectReader
}

/** A registry and a repository in it, as credentials are looked up. */
export interface CredentialTarget {
  readonly registry: string
  readonly repository: string
}

/**
 * Parses a credential file; an empty one holds no credentials, as for Docker.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — not a JSON object
 */
export function parseAuthFile(path: string, bytes: Uint8Array): AuthFile {
  try {
    const isEmpty = Buffer.from(bytes).toString('latin1').trim() === ''
    const json = isEmpty ? {} : parseJson(bytes)
    return { path, document: readObject(json, (why) => invalid(path, why)) }
  } catch (cause) {
    if (CountersignError.is(cause, 'ERR_CONFIG_INVALID')) throw cause
    throw invalid(path, cause instanceof Error ? cause.message : 'unreadable', cause)
  }
}

/**
 * The credential helper a file names for exactly this registry (`credHelpers`).
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — not a text
 */
export function registryHelper(file: AuthFile, target: CredentialTarget): string | undefined {
  const helpers = file.document.optionalObject('credHelpers')
  const key = helpers && bestKey(helpers.names, target)
  return key === undefined ? undefined : helpers?.text(key)
}

/** The credential helper a file names for every registry (`credsStore`). */
export function defaultHelper(file: AuthFile): string | undefined {
  return file.document.optionalText('credsStore')
}

/**
 * The credentials a file itself holds for a registry (`auths`); of several keys that match, the one
 * that says most of the repository. An entry without credentials, which Docker leaves beside a
 * `credsStore`, counts as none.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — an entry that is not credentials
 */
export function storedCredentials(
  file: AuthFile,
  target: CredentialTarget,
): Credentials | undefined {
  const auths = file.document.optionalObject('auths')
  const key = auths && bestKey(auths.names, target)
  return key === undefined ? undefined : auths && toCredentials(file.path, auths.object(key))
}

function bestKey(keys: readonly string[], target: CredentialTarget): string | undefined {
  const [best] = keys
    .map((key) => ({ key, length: matchLength(key, target) }))
    .filter(({ length }) => length > 0)
    .sort((a, b) => b.length - a.length)
  return best?.key
}

/**
 * How many characters of `host/repository` a key matches: none, or the whole host, or whole
 * components of the repository behind it (podman). Never a part of a host: "hub.example" must not
 * open "evilhub.example".
 */
function matchLength(key: string, { registry, repository }: CredentialTarget): number {
  // Docker's older keys are addresses: "https://index.docker.io/v1/", "ghcr.io/v2/".
  const bare = key.replace(/^https?:\/\//, '').replace(/\/(?:v[12]\/?)?$/, '')
  const place = /^https?:\/\//.test(key) ? bare.replace(/\/.*$/, '') : bare
  const names = DOCKER_HUB_NAMES.includes(registry) ? DOCKER_HUB_NAMES : [registry]
  const isMatch = names.some((host) => `${host}/${repository}/`.startsWith(`${place}/`))
  return isMatch ? place.length : 0
}

function toCredentials(path: string, entry: ObjectReader): Credentials | undefined {
  const token = entry.optionalText('identitytoken') ?? ''
  if (token !== '') return { kind: 'identity-token', token, source: path }
  const bearer = entry.optionalText('registrytoken') ?? ''
  if (bearer !== '') return toRegistryToken(path, bearer)
  const auth = entry.optionalText('auth') ?? ''
  const [username, password] =
    auth === ''
      ? [entry.optionalText('username') ?? '', entry.optionalText('password') ?? '']
      : splitAuth(path, auth)
  if (username === '' && password === '') return undefined
  return { kind: 'password', username, password, source: path }
}

function toRegistryToken(path: string, token: string): RegistryToken {
  // It goes into a header.
  if (!/^[\x21-\x7e]+$/.test(token)) throw invalid(path, 'a "registrytoken" is not a token')
  return { kind: 'registry-token', token, source: path }
}

function splitAuth(path: string, auth: string): [username: string, password: string] {
  // The base64 tool wraps its lines, and Docker passes over that.
  const bytes = decodeBase64(auth.replace(/[\r\n]/g, ''))
  const text = bytes && Buffer.from(bytes).toString('utf8')
  const colon = text?.indexOf(':') ?? -1
  if (text === undefined || colon === -1)
    throw invalid(path, 'an "auth" is not base64 of user:password')
  // Docker once padded passwords with NUL.
  return [text.slice(0, colon), text.slice(colon + 1).replace(/\0+$/, '')]
}

function invalid(path: string, why: string, cause?: unknown): CountersignError {
  return new CountersignError(
    'ERR_CONFIG_INVALID',
    `cannot use the credentials in ${path}: ${why}`,
    {
      hint: 'correct it, or log in again (docker login, podman login)',
      cause,
    },
  )
}
