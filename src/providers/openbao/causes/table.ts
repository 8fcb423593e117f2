/** All causes; those with a status are tried in this order. */
import type { Cause } from '../../cause.ts'
import {
  type BaoCall,
  baoCommand,
  type BaoCause,
  keyPath,
  MEASURED_OPENBAO,
  policyFor,
  STANDBY_PAGE,
} from './cause.ts'

const UNAVAILABLE = 'ERR_PROVIDER_UNAVAILABLE'

/** Name of a cause. */
export type BaoCauseId =
  | 'sealed'
  | 'not-initialized'
  | 'standby'
  | 'rate-limit'
  | 'namespace-missing'
  | 'no-engine'
  | 'key-missing'
  | 'key-soft-deleted'
  | 'version-below-minimum'
  | 'version-missing'
  | 'version-archived'
  | 'key-not-for-signing'
  | 'key-derived'
  | 'key-type-unknown'
  | 'policy'
  | 'server-failure'
  | 'token-missing'
  | 'token-invalid'
  | 'login-refused'

const CAUSES: Readonly<Record<BaoCauseId, Omit<BaoCause, 'id'>>> = {
  sealed: {
    layer: 'server',
    summary: 'the server is sealed',
    code: UNAVAILABLE,
    source: MEASURED_OPENBAO,
    statuses: [503],
    text: /sealed/i,
    cure: () => 'unseal it, with a threshold of its keys: bao operator unseal',
  },
  'not-initialized': {
    layer: 'server',
    summary: 'the server is not initialized',
    code: UNAVAILABLE,
    source: MEASURED_OPENBAO,
    cure: () => 'initialize it, once: bao operator init',
  },
  standby: {
    layer: 'server',
    summary:
      'a standby node answered, which forwards no requests; a token is sent to no other address',
    code: UNAVAILABLE,
    source: STANDBY_PAGE,
    statuses: [301, 302, 307, 308, 472, 473],
    cure: () =>
      'set BAO_ADDR to the active node, or to a load balancer that follows /v1/sys/health',
  },
  'rate-limit': {
    layer: 'quota',
    summary: 'the rate limit is reached',
    code: 'ERR_THROTTLED',
    source: MEASURED_OPENBAO,
    statuses: [429],
    isBrief: true,
    cure: (call) =>
      `try again later, or raise the quota: ${baoCommand('list sys/quotas/rate-limit', call)}`,
  },
  'namespace-missing': {
    layer: 'reference',
    summary: 'the namespace does not exist',
    code: 'ERR_KEY_URI_INVALID',
    source: MEASURED_OPENBAO,
    statuses: [404],
    text: /namespace not found/,
    cure: () => 'check BAO_NAMESPACE and ?namespace=: bao namespace list',
  },
  'no-engine': {
    layer: 'reference',
    summary: 'at the path is no engine that takes this request',
    code: 'ERR_KEY_URI_INVALID',
    source: MEASURED_OPENBAO,
    statuses: [404, 405],
    text: /no handler for route|unsupported (?:path|operation)|Invalid path for/,
    cure: (call) =>
      `find the path of the transit engine, and write it as ?mount=: ${baoCommand('secrets list', call)}`,
  },
  'key-missing': {
    layer: 'key',
    summary: 'the key does not exist',
    code: 'ERR_KEY_NOT_FOUND',
    source: MEASURED_OPENBAO,
    statuses: [400, 404],
    text: /^$|not found|no existing key/,
    cure: (call) => `check the spelling: ${baoCommand(`list ${call.mount}/keys`, call)}`,
  },
  'key-soft-deleted': {
    layer: 'key',
    summary: 'the key is soft-deleted',
    code: 'ERR_KEY_NOT_USABLE',
    source: MEASURED_OPENBAO,
    statuses: [500],
    text: /soft-deleted/,
    cure: (call) =>
      `restore it: ${baoCommand(`write -f ${keyPath(call)}/soft-delete-restore`, call)}`,
  },
  'version-below-minimum': {
    layer: 'key version',
    summary: 'the version is below min_encryption_version, so it signs no more',
    code: 'ERR_KEY_NOT_USABLE',
    source: MEASURED_OPENBAO,
    statuses: [500],
    text: /less than the minimum encryption key version/,
    cure: (call) =>
      `sign with a later version, or lower the bound: ${baoCommand(`write ${keyPath(call)}/config min_encryption_version=${call.version ?? 0}`, call)}`,
  },
  'version-missing': {
    layer: 'key version',
    summary: 'the version was never made',
    code: 'ERR_KEY_NOT_FOUND',
    source: MEASURED_OPENBAO,
    statuses: [500],
    text: /higher than the latest key version/,
    cure: (call) => `see the versions: ${baoCommand(`read ${keyPath(call)}`, call)}`,
  },
  'version-archived': {
    layer: 'key version',
    summary: 'the version is archived (below min_decryption_version) or trimmed',
    code: 'ERR_KEY_NOT_USABLE',
    source: MEASURED_OPENBAO,
    cure: (call) =>
      `an archived version comes back with: ${baoCommand(`write ${keyPath(call)}/config min_decryption_version=${call.version ?? 1}`, call)}`,
  },
  'key-not-for-signing': {
    layer: 'key',
    summary: 'keys of this type do not sign',
    code: 'ERR_KEY_INVALID',
    source: MEASURED_OPENBAO,
    statuses: [400, 500],
    text: /key type \S+ does not support signing|unsupported key type/,
    cure: (call) => `make another key, since the type never changes: ${newKey(call)}`,
  },
  'key-derived': {
    layer: 'key',
    summary: 'the key is derived, so it has no public half',
    code: 'ERR_KEY_INVALID',
    source: MEASURED_OPENBAO,
    cure: (call) => `make another key, without derived=true: ${newKey(call)}`,
  },
  'key-type-unknown': {
    layer: 'server',
    summary: 'the server makes no keys of this type',
    code: 'ERR_ALGORITHM_UNSUPPORTED',
    source: MEASURED_OPENBAO,
    statuses: [400],
    text: /unknown key type/,
    cure: () => 'choose another algorithm, or a later version of the server',
  },
  policy: {
    layer: 'policy',
    summary:
      'the policies of the token lack the path (one where no engine is mounted is refused the same way)',
    code: 'ERR_NOT_ALLOWED',
    source: MEASURED_OPENBAO,
    statuses: [403],
    text: /^/,
    cure: (call) => `add to a policy of the token: ${policyFor(call)}`,
  },
  'server-failure': {
    layer: 'server',
    summary: 'the server failed',
    code: UNAVAILABLE,
    source: MEASURED_OPENBAO,
    statuses: [412, 500, 502, 503, 504],
    isBrief: true,
    cure: () => 'try again; see the log of the server, and its state: bao status',
  },
  'token-missing': {
    layer: 'token',
    summary: 'there is no token',
    code: 'ERR_NOT_AUTHENTICATED',
    source: MEASURED_OPENBAO,
    cure: () =>
      'set BAO_TOKEN, or COUNTERSIGN_OPENBAO_LOGIN to approle, jwt or kubernetes, or log in: bao login',
  },
  'token-invalid': {
    layer: 'token',
    summary: 'the token is not valid, has ended, or may not look itself up',
    code: 'ERR_NOT_AUTHENTICATED',
    source: MEASURED_OPENBAO,
    cure: () => 'see what it is (bao token lookup), or get another: bao login',
  },
  'login-refused': {
    layer: 'login',
    summary: 'the login is refused',
    code: 'ERR_NOT_AUTHENTICATED',
    source: MEASURED_OPENBAO,
    cure: (call) =>
      `compare what is sent with the role, and see the log of the server for the cause: ${baoCommand(`list ${call.mount}/role`, call)}`,
  },
}

const UNKNOWN: BaoCause = {
  id: 'unknown-answer',
  layer: 'server',
  summary: 'the answer is not one of OpenBao',
  code: 'ERR_PROVIDER_FAULT',
  source: MEASURED_OPENBAO,
  cure: () => 'check that BAO_ADDR is an OpenBao or Vault server: bao status',
}

const ROWS: readonly BaoCause[] = Object.entries(CAUSES).map(([id, cause]) => ({ id, ...cause }))

/** Every cause of OpenBao and Vault. */
export const BAO_CAUSES: readonly Cause<BaoCall>[] = [...ROWS, UNKNOWN]

/** The cause of a name. */
export function baoCause(id: BaoCauseId): BaoCause {
  return { id, ...CAUSES[id] }
}

/** Finds the cause of an answer; `text` is undefined where it is not one of OpenBao. */
export function findBaoCause(status: number, text: string | undefined): BaoCause {
  const isMeant = ({ statuses = [], text: pattern }: BaoCause): boolean =>
    statuses.includes(status) &&
    (pattern === undefined || (text !== undefined && pattern.test(text)))
  return ROWS.find(isMeant) ?? UNKNOWN
}

function newKey(call: BaoCall): string {
  return baoCommand(`write -f ${call.mount}/keys/NAME type=ecdsa-p256`, call)
}
