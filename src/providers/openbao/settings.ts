/** What the environment states of a server and of the login to it: the variables of `bao` and `vault`, and our own. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { isLoopbackAddress } from '../../client/public-address.ts'
import { CountersignError } from '../../errors.ts'
import type { Surroundings } from '../surroundings.ts'
import { isMountPath, type TransitPlace } from './uri.ts'

/** A server, and the engine on it. */
export interface TransitServer {
  readonly address: string
  readonly namespace: string | undefined
  readonly mount: string
}

/** How a token is come by. */
export type LoginSettings =
  | { readonly method: 'token' }
  | { readonly method: 'approle'; readonly mount: string; readonly roleId: string }
  | {
      readonly method: 'jwt' | 'kubernetes'
      readonly mount: string
      readonly role: string
      /** File of the identity token; read again for each login, since others renew it. */
      readonly jwtFile: string
    }

/** The variable that cosign knows the engine by. */
const ENGINE = 'TRANSIT_SECRET_ENGINE_PATH'

type Environment = Surroundings['env']

/** Where Kubernetes puts the identity token of a pod. */
const POD_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/** Reads a variable of `bao`, or the one that `vault` has in its place; empty counts as unset. */
export function baoVariable(env: Environment, name: string): string | undefined {
  return variable(env, `BAO_${name}`) ?? variable(env, `VAULT_${name}`)
}

/**
 * Completes a place from the environment.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — no address, or one that is not https
 */
export function completePlace(place: TransitPlace, env: Environment): TransitServer {
  return {
    address: configuredAddress(env),
    namespace: place.namespace ?? pathOf('BAO_NAMESPACE', baoVariable(env, 'NAMESPACE')),
    mount: place.mount ?? pathOf(ENGINE, variable(env, ENGINE)) ?? 'transit',
  }
}

/**
 * Reads how to log in: `COUNTERSIGN_OPENBAO_LOGIN` is token (the default), approle, jwt or kubernetes.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — another method, or one without its role
 */
export function readLoginSettings(env: Environment): LoginSettings {
  const method = own(env, 'LOGIN') ?? 'token'
  const mount = pathOf('COUNTERSIGN_OPENBAO_LOGIN_PATH', own(env, 'LOGIN_PATH')) ?? method
  switch (method) {
    case 'token':
      return { method }
    case 'approle':
      return { method, mount, roleId: required(env, 'ROLE_ID', method) }
    case 'jwt': {
      const jwtFile = required(env, 'JWT_FILE', method)
      return { method, mount, role: required(env, 'ROLE', method), jwtFile }
    }
    case 'kubernetes': {
      const jwtFile = own(env, 'JWT_FILE') ?? POD_TOKEN
      return { method, mount, role: required(env, 'ROLE', method), jwtFile }
    }
    default:
      throw invalidSetting(
        `COUNTERSIGN_OPENBAO_LOGIN is "${method}"`,
        'token, approle, jwt or kubernetes',
      )
  }
}

/** Files that may hold a token, in their order: one that an agent renews, then that of `bao login`. */
export function tokenFiles(env: Environment): readonly string[] {
  const chosen = own(env, 'TOKEN_FILE')
  return chosen === undefined
    ? [join(variable(env, 'HOME') ?? homedir(), '.vault-token')]
    : [chosen]
}

/** The file of an AppRole's secret id; undefined: it is in a variable. */
export function secretIdFile(env: Environment): string | undefined {
  return own(env, 'SECRET_ID_FILE')
}

function configuredAddress(env: Environment): string {
  const text = baoVariable(env, 'ADDR')
  if (text === undefined) {
    throw new CountersignError('ERR_CONFIG_INVALID', 'no address of an OpenBao server is given', {
      hint: 'set BAO_ADDR or VAULT_ADDR to https://HOST:PORT',
    })
  }
  const address = serverOrigin(text)
  if (address !== undefined) return address
  // It may hold a password.
  throw invalidSetting(
    'BAO_ADDR or VAULT_ADDR cannot be used',
    'https://HOST:PORT, or http to this machine itself',
  )
}

/** Origin of a server: https, or http to this machine itself; undefined for anything else. */
export function serverOrigin(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  // What is more than an origin may be a password.
  if (url.href !== `${url.origin}/`) return undefined
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const isLocal = host === 'localhost' || isLoopbackAddress(host)
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLocal) ? url.origin : undefined
}

function required(env: Environment, name: string, method: string): string {
  const value = own(env, name)
  if (value !== undefined) return value
  throw invalidSetting(
    `login by ${method} without COUNTERSIGN_OPENBAO_${name}`,
    `a value of COUNTERSIGN_OPENBAO_${name}`,
  )
}

function invalidSetting(what: string, expected: string): CountersignError {
  return new CountersignError('ERR_CONFIG_INVALID', `${what}, expected ${expected}`, {
    hint: `set it to ${expected}`,
  })
}

function own(env: Environment, name: string): string | undefined {
  return variable(env, `COUNTERSIGN_OPENBAO_${name}`)
}

function variable(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim()
  return value === '' ? undefined : value
}

/** Without slashes around it, as `bao` takes paths too. */
function pathOf(name: string, value: string | undefined): string | undefined {
  const path = value?.replace(/^\//, '').replace(/\/$/, '')
  if (path === undefined || isMountPath(path)) return path
  throw invalidSetting(`${name} is "${value ?? ''}"`, 'a path such as transit or team/transit')
}
