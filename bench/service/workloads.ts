/** What callers ask of the service under measurement. */
import { createHash } from 'node:crypto'
import { KEYS } from './deployment.ts'
import type { LoadRequest } from './request-lines.ts'

/** Requests of one kind. */
export interface Workload {
  readonly name: string
  readonly path: string
  /** Whether requests carry an Idempotency-Key: our clients send one with all that is signed, and none for tokens. */
  readonly isKeyed: boolean
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
    isKeyed: false,
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
    isKeyed: true,
    algorithm: key === KEYS.rsaImages ? 'RS256' : 'ES256',
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

/** Images without a time stamp. */
export const IMAGES: Workload = signatures('image', KEYS.plain, 'image')

/** Images, each signed by an operation of its own. */
export const IMAGE_BATCHES: Workload = signatures('50 images', KEYS.plain, 'image', 50)

/** The same images, all signed by one operation of the key. */
export const MERKLE_BATCHES: Workload = {
  ...IMAGE_BATCHES,
  name: '50 images, Merkle',
  path: `/v1/keys/${KEYS.plain}/batches`,
  signatures: 1,
}

/** Tokens, each for a caller that was not there before. */
export const COLD_TOKENS: Workload = tokens('token, new caller each', KEYS.tokens, {
  hasNewCallers: true,
})

/** Images, each for a caller that was not there before. */
export const COLD_IMAGES: Workload = {
  ...IMAGES,
  name: 'image, new caller each',
  hasNewCallers: true,
}

/** Tokens that are signed with RSA. */
export const RSA_TOKENS: Workload = tokens('token RS256', KEYS.rsaTokens, { algorithm: 'RS256' })

/** Images that are signed with RSA, each by an operation of its own. */
export const RSA_BATCHES: Workload = signatures('50 images RS256', KEYS.rsaImages, 'image', 50)

/** Everything that is measured beside the backend and bare fastify. */
export const WORKLOADS: readonly Workload[] = [
  TOKENS,
  COLD_TOKENS,
  RSA_TOKENS,
  IMAGES,
  STAMPED_IMAGES,
  IMAGE_BATCHES,
  signatures('50 images, time stamps', KEYS.stamped, 'image', 50),
  MERKLE_BATCHES,
  signatures('file', KEYS.plain, 'file'),
]

/** Requests of several workloads, one of each in turn. */
export function mixRequests(
  workloads: readonly Workload[],
  identities: readonly string[],
): readonly LoadRequest[] {
  const lists = workloads.map((workload) => toRequests(workload, identities))
  const longest = Math.max(...lists.map(({ length }) => length))
  return Array.from({ length: longest }, (_, number) =>
    lists.flatMap((list) => list.slice(number % list.length, (number % list.length) + 1)),
  ).flat()
}

/** The requests of a workload, of callers with these tokens. */
export function toRequests(workload: Workload, identities: readonly string[]): LoadRequest[] {
  const { bodies, hasNewCallers, isKeyed, path } = workload
  const count = hasNewCallers ? identities.length : bodies.length
  return Array.from({ length: count }, (_, number) => ({
    method: 'POST',
    path,
    token: identities[hasNewCallers ? number : 0],
    body: bodies[number % bodies.length],
    isKeyed,
  }))
}
