/** What callers ask of the service under measurement. */
import { createHash } from 'node:crypto'
import { KEYS } from './deployment.ts'
import type { LoadRequest } from './load.ts'

/** Requests of one kind. */
export interface Workload {
  readonly name: string
  readonly path: string
  readonly algorithm: 'ES256' | 'RS256'
  /** Bodies that are sent in turn. */
  readonly bodies: readonly string[]
  /** Tokens or bundles that one answer holds. */
  readonly items: number
  /** What the backend signs for one answer; a time stamp is one more. */
  readonly signatures: number
  readonly connections: number
  /** Whether every request comes with another identity token, so that none is known from before. */
  readonly hasNewCallers: boolean
}

/** More than a service remembers. */
const IDENTITY_TOKENS = 3000

/** How many identity tokens {@link toRequests} wants. */
export const TOKENS_WANTED: number = IDENTITY_TOKENS

const TOKEN_ORDER = JSON.stringify({
  audience: 'https://api.example.com',
  lifetimeSeconds: 600,
  claims: { sub: 'user-4711', scope: 'orders:read orders:write', tenant: 'acme' },
})

function digest(number: number): string {
  return `sha256:${createHash('sha256').update(String(number)).digest('hex')}`
}

/** Bodies with digests that no other has. */
function orders(kind: 'file' | 'image', artifacts: number): readonly string[] {
  const order = (_: unknown, number: number): string =>
    JSON.stringify({
      artifacts: Array.from({ length: artifacts }, (_, place) => ({
        digest: digest(number * artifacts + place),
        kind,
        name: `ghcr.io/acme/app-${place}`,
      })),
    })
  return Array.from({ length: 500 }, order)
}

function tokens(name: string, key: string, changes: Partial<Workload> = {}): Workload {
  return {
    name,
    path: `/v1/keys/${key}/tokens`,
    algorithm: 'ES256',
    bodies: [TOKEN_ORDER],
    items: 1,
    signatures: 1,
    connections: 32,
    hasNewCallers: false,
    ...changes,
  }
}

function signatures(name: string, key: string, kind: 'file' | 'image', items = 1): Workload {
  const isStamped = key === KEYS.stamped
  return {
    ...tokens(name, key),
    path: `/v1/keys/${key}/signatures`,
    bodies: orders(kind, items),
    items,
    signatures: items * (isStamped ? 2 : 1),
    connections: items === 1 ? 32 : 4,
  }
}

/** Tokens for one caller who comes again and again, which is what callers of tokens do. */
export const TOKENS: Workload = tokens('token', KEYS.tokens)

/** Images, with the time stamp that makes a signature outlive its key: the default. */
export const STAMPED_IMAGES: Workload = signatures('image, time stamp', KEYS.stamped, 'image')

/** Everything that is measured. */
export const WORKLOADS: readonly Workload[] = [
  TOKENS,
  tokens('token, new caller each', KEYS.tokens, { hasNewCallers: true }),
  tokens('token RS256', KEYS.rsaTokens, { algorithm: 'RS256' }),
  signatures('image', KEYS.plain, 'image'),
  STAMPED_IMAGES,
  signatures('50 images', KEYS.plain, 'image', 50),
  signatures('50 images, time stamps', KEYS.stamped, 'image', 50),
  signatures('file', KEYS.plain, 'file'),
]

/** The requests of a workload, of callers with these tokens. */
export function toRequests(workload: Workload, identities: readonly string[]): LoadRequest[] {
  const { bodies, hasNewCallers, path } = workload
  const count = hasNewCallers ? identities.length : bodies.length
  return Array.from({ length: count }, (_, number) => ({
    method: 'POST',
    path,
    token: identities[hasNewCallers ? number : 0],
    body: bodies[number % bodies.length],
  }))
}
