/** The ways to come by a token: one that is there, or a login that gives one. */
import { CountersignError } from '../../errors.ts'
import { hasErrno, readFileBounded } from '../../files.ts'
import type { Surroundings } from '../surroundings.ts'
import { foundError } from './errors.ts'
import { readLease, readLookup, type TokenLease } from './answers.ts'
import {
  baoVariable,
  type LoginSettings,
  readLoginSettings,
  secretIdFile,
  tokenFiles,
} from './settings.ts'
import type { BaoSend } from './transport.ts'

/** Where tokens come from. */
export interface TokenSource {
  /** Whether a token is made for us by a login, so that another can be had at any time. */
  readonly isLogin: boolean
  /** Gives a token: the one that is there now, or a new one. */
  readonly acquire: () => Promise<TokenLease>
}

/** What a login takes. */
export interface LoginContext {
  readonly send: BaoSend
  readonly namespace: string | undefined
  readonly env: Surroundings['env']
  readonly readSecret: Surroundings['readSecret']
}

const LOOKUP = { method: 'GET', path: 'auth/token/lookup-self', mount: 'auth/token' } as const

/** A token, a secret id or an identity token is no longer. */
const MAX_SECRET_BYTES = 16 * 1024

/**
 * Chooses the source that the environment states.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — a login that is not complete
 */
export function createTokenSource(context: LoginContext): TokenSource {
  const settings = readLoginSettings(context.env)
  if (settings.method === 'token') {
    return { isLogin: false, acquire: () => findToken(context) }
  }
  return { isLogin: true, acquire: () => logIn(settings, context) }
}

/**
 * Looks a token up, so that its end is known.
 *
 * @returns undefined: it may not look itself up, or it is not valid
 */
export async function lookUpToken(
  token: string,
  { send, namespace }: Pick<LoginContext, 'send' | 'namespace'>,
): Promise<TokenLease | undefined> {
  try {
    const answer = await send({ ...LOOKUP, namespace, token })
    return readLookup(token, answer)
  } catch (error) {
    if (CountersignError.is(error, 'ERR_NOT_ALLOWED')) return undefined
    throw error
  }
}

async function findToken(context: LoginContext): Promise<TokenLease> {
  const token = await findBaoToken(context.env)
  return (await lookUpToken(token, context)) ?? { token, seconds: undefined, isRenewable: false }
}

/**
 * Reads the token that is there now: in a variable, else in a file.
 *
 * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED — none exists
 */
async function findBaoToken(env: Surroundings['env']): Promise<string> {
  const given = baoVariable(env, 'TOKEN')
  if (given !== undefined) return checkedSecret(given, 'BAO_TOKEN or VAULT_TOKEN')
  for (const path of tokenFiles(env)) {
    const found = await readSecretFile(path).catch((error: unknown) => {
      if (hasErrno(error, 'ENOENT')) return undefined
      throw error
    })
    if (found !== undefined) return found
  }
  throw foundError('token-missing', LOOKUP)
}

type Login = Exclude<LoginSettings, { method: 'token' }>

async function logIn(login: Login, context: LoginContext): Promise<TokenLease> {
  const { send, namespace } = context
  const mount = `auth/${login.mount}`
  const { body, secret } = await credentialsOf(login, context)
  const request = { method: 'POST', path: `${mount}/login`, mount, namespace } as const
  try {
    // A secret id may be for one use, so a lost answer must not use it again.
    return readLease(await send({ ...request, body, secrets: [secret], isOnce: true }))
  } catch (error) {
    throw toLoginError(error, login)
  }
}

async function credentialsOf(
  login: Login,
  context: LoginContext,
): Promise<{ readonly body: Readonly<Record<string, string>>; readonly secret: string }> {
  if (login.method === 'approle') {
    const secret = await readSecretId(context)
    return { body: { role_id: login.roleId, secret_id: secret }, secret }
  }
  const secret = await readSecretFile(login.jwtFile)
  return { body: { role: login.role, jwt: secret }, secret }
}

async function readSecretId({ env, readSecret }: LoginContext): Promise<string> {
  const path = secretIdFile(env)
  if (path !== undefined) return readSecretFile(path)
  const variable = 'COUNTERSIGN_OPENBAO_SECRET_ID'
  const secret = await readSecret({ variable, prompt: 'Secret id of the AppRole: ' })
  if (secret !== undefined && secret !== '') return secret
  throw new CountersignError('ERR_CONFIG_INVALID', 'there is no secret id for the AppRole', {
    hint: `set COUNTERSIGN_OPENBAO_SECRET_ID_FILE to a file with it, or ${variable}`,
  })
}

async function readSecretFile(path: string): Promise<string> {
  const text = Buffer.from(await readFileBounded(path, MAX_SECRET_BYTES))
    .toString('utf8')
    .trim()
  return checkedSecret(text, `"${path}"`)
}

/** Anything else cannot be a header. */
function checkedSecret(text: string, source: string): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text
  throw new CountersignError('ERR_CONFIG_INVALID', `${source} does not hold a token`, {
    hint: 'expected one line of printable characters',
  })
}

/** A login is refused with 400 or 403 for every fault of the credentials: only the server knows which. */
function toLoginError(error: unknown, login: Login): unknown {
  if (!CountersignError.is(error)) return error
  const status = error.details['status']
  if (status !== 400 && status !== 403) return error
  const { stated = '' } = error.details
  const mount = `auth/${login.mount}`
  const path = `${mount}/login`
  const message = `OpenBao refuses the login by ${login.method} at ${mount} (status ${status}: ${String(stated)})`
  const call = { method: 'POST', path, mount } as const
  return foundError('login-refused', call, { message, details: error.details, cause: error })
}
