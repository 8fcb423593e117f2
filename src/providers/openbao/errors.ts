/**
 * What OpenBao and Vault refuse, in countersign's codes. They distinguish causes by status and by the text of the
 * error, so both are compared, in the order of one table.
 *
 * @packageDocumentation
 */
import { CountersignError, type ErrorCode } from '../../errors.ts'
import { isJsonObject, type JsonValue, parseJson } from '../../formats/json.ts'
import { printableExcerpt } from '../../formats/printable.ts'
import { quoteForShell } from '../../formats/shell-word.ts'

/** One call, as far as an error about it needs to know. */
export interface BaoCall {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below `/v1/`: `transit/sign/release`. */
  readonly path: string
  /** Path of the secrets engine or of the login method. */
  readonly mount: string
  /** The key that the call is about, if any. */
  readonly key?: string | undefined
  readonly namespace?: string | undefined
}

/** An answer that is not a success. */
export interface BaoRefusal {
  readonly status: number
  readonly retryAfter: string | undefined
  /** What the server states, on one line; undefined: the answer is not one of OpenBao. */
  readonly text: string | undefined
}

interface Cause {
  readonly status: readonly number[]
  readonly text?: RegExp
  readonly code: ErrorCode
  readonly message: (call: BaoCall) => string
  readonly hint: (call: BaoCall) => string
  /** Whether the same call is likely to succeed in a moment. */
  readonly isBrief?: boolean
}

const CAUSES: readonly Cause[] = [
  {
    status: [503],
    text: /sealed/i,
    code: 'ERR_PROVIDER_UNAVAILABLE',
    message: () => 'the server is sealed',
    hint: () => 'unseal it: bao operator unseal; see its state: bao status',
  },
  {
    status: [301, 302, 307, 308, 472, 473],
    code: 'ERR_PROVIDER_UNAVAILABLE',
    message: () => 'a standby node answered, which forwards no requests',
    hint: () =>
      'set BAO_ADDR to the active node, or to a load balancer that follows /v1/sys/health; a token is sent to no other address',
  },
  {
    status: [429],
    code: 'ERR_THROTTLED',
    message: () => 'the rate limit is reached',
    hint: () => 'try again later, or raise the quota: bao read sys/quotas/config',
    isBrief: true,
  },
  {
    status: [404],
    text: /namespace not found/,
    code: 'ERR_KEY_URI_INVALID',
    message: ({ namespace = '' }) => `there is no namespace "${namespace}"`,
    hint: () => 'check BAO_NAMESPACE and ?namespace=: bao namespace list',
  },
  {
    status: [404, 405],
    text: /no handler for route|unsupported (?:path|operation)|Invalid path for/,
    code: 'ERR_KEY_URI_INVALID',
    message: ({ mount }) => `there is no engine at "${mount}" that takes this request`,
    hint: (call) =>
      `find the path of the transit engine, and write it as ?mount=: ${baoCommand('secrets list', call)}`,
  },
  {
    status: [400, 404],
    text: /^$|not found|no existing key/,
    code: 'ERR_KEY_NOT_FOUND',
    message: ({ key = '', mount }) => `there is no key "${key}" in ${mount}/`,
    hint: (call) => `check the spelling: ${baoCommand(`list ${call.mount}/keys`, call)}`,
  },
  {
    status: [500],
    text: /soft-deleted/,
    code: 'ERR_KEY_NOT_USABLE',
    message: () => 'the key is soft-deleted',
    hint: (call) =>
      `restore it: ${baoCommand(`write -f ${keyPath(call)}/soft-delete-restore`, call)}`,
  },
  {
    status: [500],
    text: /less than the minimum encryption key version/,
    code: 'ERR_KEY_NOT_USABLE',
    message: () => 'the version is below min_encryption_version, so it signs no more',
    hint: (call) =>
      `sign with a later version, or lower the bound: ${baoCommand(`write ${keyPath(call)}/config min_encryption_version=0`, call)}`,
  },
  {
    status: [500],
    text: /higher than the latest key version/,
    code: 'ERR_KEY_NOT_FOUND',
    message: () => 'there is no such version yet',
    hint: (call) => `see the versions: ${baoCommand(`read ${keyPath(call)}`, call)}`,
  },
  {
    status: [400, 500],
    text: /key type \S+ does not support signing|unsupported key type/,
    code: 'ERR_KEY_INVALID',
    message: () => 'the key is not for signing',
    hint: () => 'the type of a key never changes: make another key, for signing',
  },
  {
    status: [400],
    text: /unknown key type/,
    code: 'ERR_ALGORITHM_UNSUPPORTED',
    message: () => 'the server does not make such keys',
    hint: () => 'choose another algorithm, or a later version of the server',
  },
  {
    status: [403],
    text: /^/,
    code: 'ERR_NOT_ALLOWED',
    message: ({ path }) => `the policies of the token do not allow it to use ${path}`,
    hint: (call) =>
      `allow it in a policy of the token: ${policyFor(call)}; a path where no engine is mounted is refused the same way`,
  },
  {
    status: [412, 500, 502, 503, 504],
    code: 'ERR_PROVIDER_UNAVAILABLE',
    message: () => 'the server failed',
    hint: () => 'try again; see the log of the server and its state: bao status',
    isBrief: true,
  },
]

const OTHER: Cause = {
  status: [],
  code: 'ERR_PROVIDER_FAULT',
  message: () => 'unexpected answer',
  hint: () => 'check that the address is that of an OpenBao or Vault server',
}

/** Reads an answer that is not a success; `secrets` are what the request contained, and never repeated. */
export function toRefusal(
  answer: { readonly status: number; readonly headers: Headers; readonly body: Uint8Array },
  secrets: readonly string[],
): BaoRefusal {
  const { status, headers, body } = answer
  const text = errorText(body)
  return {
    status,
    retryAfter: headers.get('retry-after') ?? undefined,
    text: text === undefined ? undefined : withoutSecrets(text, secrets),
  }
}

/** Whether repeating a refused call may help. */
export function isBrief(refusal: BaoRefusal): boolean {
  return causeOf(refusal).isBrief === true
}

/** Makes the error of a refused call, which names the cause, the cure and what the server states. */
export function toBaoError(refusal: BaoRefusal, call: BaoCall): CountersignError {
  const { code, message, hint } = causeOf(refusal)
  const { status, text, retryAfter } = refusal
  const stated = text === '' ? '' : ` (status ${status}: ${text ?? 'not an answer of OpenBao'})`
  return new CountersignError(
    code,
    `OpenBao ${call.method} ${call.path}: ${message(call)}${stated}`,
    {
      hint: hint(call),
      details: {
        provider: 'openbao',
        operation: `${call.method} ${call.path}`,
        status,
        ...(text !== undefined && { stated: text }),
        ...(retryAfter !== undefined && { retryAfter }),
      },
    },
  )
}

/** A command of OpenBao's own command line, for hints; `vault` takes the same. */
export function baoCommand(command: string, { namespace }: Pick<BaoCall, 'namespace'>): string {
  const [verb = '', ...rest] = command.split(' ')
  const scope = namespace === undefined ? [] : [`-namespace=${quoteForShell(namespace)}`]
  const isNested = ['secrets', 'operator', 'token', 'namespace'].includes(verb)
  const subcommand = isNested ? rest.slice(0, 1) : []
  return ['bao', verb, ...subcommand, ...scope, ...rest.slice(subcommand.length)].join(' ')
}

/** The least that a policy must state for a call. */
export function policyFor({ method, path }: Pick<BaoCall, 'method' | 'path'>): string {
  const capability = { GET: 'read', POST: 'update', DELETE: 'delete' }[method]
  return `path "${path}" { capabilities = ["${capability}"] }`
}

function keyPath({ mount, key = 'KEY' }: BaoCall): string {
  return `${mount}/keys/${key}`
}

function causeOf({ status, text }: BaoRefusal): Cause {
  const found = CAUSES.find(
    (cause) =>
      cause.status.includes(status) &&
      (cause.text === undefined || (text !== undefined && cause.text.test(text))),
  )
  return found ?? OTHER
}

function errorText(body: Uint8Array): string | undefined {
  const errors = errorsOf(body)
  if (errors === undefined) return undefined
  const texts = errors.filter((error) => typeof error === 'string')
  // Several errors come as a list, even if there is one.
  const lines = texts.join('; ').replaceAll(/\d+ errors? occurred:/g, '')
  return printableExcerpt(lines.replaceAll(/\n\s*\*/g, ' '), 300)
}

function errorsOf(body: Uint8Array): readonly JsonValue[] | undefined {
  try {
    const value = parseJson(body)
    // A KV engine has only warnings.
    const errors = isJsonObject(value) ? (value['errors'] ?? value['warnings']) : undefined
    return Array.isArray(errors) ? errors : undefined
  } catch (error) {
    // Something between here and the server answered in its place.
    if (CountersignError.is(error)) return undefined
    throw error
  }
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, '…'), text)
}
