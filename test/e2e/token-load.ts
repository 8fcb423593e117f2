/** Issues tokens over all replicas; every verifier checks each at once and again before it expires. */
import { setTimeout as delay } from 'node:timers/promises'
import { createBoundedGet } from '../../src/client/bounded-get.ts'
import { createJwksCache } from '../../src/client/jwks-cache.ts'
import { parseJws } from '../../src/formats/jws.ts'
import { verifyToken } from '../../src/verification/verify-token.ts'
import {
  createTokenVerifiers,
  type TokenVerifier,
  VERIFIER_CLAIMS,
  VERIFIER_TOKEN_TYPE,
} from '../support/token-verifiers.ts'
import { type Cluster, JWKS_PATH } from './cluster.ts'

/** Whom tokens are for. */
const AUDIENCE = 'https://api.example.com'

/** How long before its end a token is verified for the last time: in time on a busy machine too. */
const BEFORE_END_MS = 2000

/** How each verifier says that a token has expired. */
const EXPIRED = /expired|"exp"/i

/** What happened under load. */
export interface LoadReport {
  issued: number
  verified: number
  /** Tokens that had really expired when a verifier came to them, refused for that and nothing else. */
  late: number
  /** Sentences: what was not issued, and what was not accepted. */
  readonly failures: string[]
  /** Highest version that signed, by key. */
  readonly versions: Map<string, number>
}

/** Verifiers of others and our own, all fetching keys through the proxy. */
export function createVerifiers(cluster: Cluster, cacheSeconds: number): readonly TokenVerifier[] {
  const jwksUrl = `${cluster.proxy.url}${JWKS_PATH}`
  const { issuer } = cluster.folder
  const others = createTokenVerifiers({
    jwksUrl,
    issuer,
    audience: AUDIENCE,
    algorithm: 'ES256',
    cacheMs: cacheSeconds * 1000,
  })
  const cache = createJwksCache({
    url: new URL(jwksUrl),
    get: createBoundedGet({ allowPrivateAddresses: true }),
    now: () => new Date(),
    random: Math.random,
    bounds: { leastFreshSeconds: 1, mostFreshSeconds: cacheSeconds },
  })
  const policy = { issuer, audience: AUDIENCE, type: VERIFIER_TOKEN_TYPE }
  const ours = async (token: string): ReturnType<TokenVerifier['verify']> => {
    try {
      const { kid } = parseJws(token).header
      verifyToken(token, { keys: await cache.keysFor(kid), policy, now: new Date() })
      return { accepted: true }
    } catch (error) {
      return { accepted: false, reason: String(error) }
    }
  }
  return [...others, { name: 'countersign', verify: ours }]
}

/** A stream of tokens for each of some keys. */
export class TokenLoad {
  readonly report: LoadReport = {
    ...{ issued: 0, verified: 0, late: 0 },
    ...{ failures: [], versions: new Map<string, number>() },
  }
  readonly #cluster: Cluster
  readonly #verifiers: readonly TokenVerifier[]
  /** Verifications that are to come. */
  readonly #pending: Promise<void>[] = []

  constructor(cluster: Cluster, verifiers: readonly TokenVerifier[]) {
    this.#cluster = cluster
    this.#verifiers = verifiers
  }

  /** Issues until the signal is aborted, and fulfils when the last token has been verified. */
  async run(keys: readonly string[], everyMs: number, stop: AbortSignal): Promise<void> {
    await Promise.all(keys.map((key, place) => this.#stream(key, place, { everyMs, stop })))
    await Promise.all(this.#pending)
  }

  async #stream(
    key: string,
    first: number,
    { everyMs, stop }: { readonly everyMs: number; readonly stop: AbortSignal },
  ): Promise<void> {
    const { replicas } = this.#cluster
    for (let turn = first; !stop.aborted; turn += 1) {
      const replica = replicas[turn % replicas.length]
      if (replica !== undefined) await this.#issue(key, replica)
      await delay(everyMs)
    }
  }

  async #issue(key: string, replica: Cluster['replicas'][number]): Promise<void> {
    const order = { audience: AUDIENCE, claims: VERIFIER_CLAIMS }
    const { status, body } = await this.#cluster.post(replica, `/v1/keys/${key}/tokens`, order)
    const { token, version, expires } = body
    if (status !== 200 || typeof token !== 'string') {
      this.report.failures.push(`${key} is not issued: ${status} ${JSON.stringify(body)}`)
      return
    }
    this.report.issued += 1
    const known = this.report.versions.get(key) ?? 0
    this.report.versions.set(key, Math.max(known, Number(version)))
    this.#pending.push(this.#verifyTwice(`${key}@${String(version)}`, token, String(expires)))
  }

  async #verifyTwice(name: string, token: string, expires: string): Promise<void> {
    const end = Date.parse(expires)
    await this.#verify(name, token, end)
    await delay(Math.max(0, end - BEFORE_END_MS - Date.now()))
    await this.#verify(name, token, end)
  }

  async #verify(name: string, token: string, end: number): Promise<void> {
    const checks = this.#verifiers.map(async (verifier) => {
      const answer = await verifier.verify(token)
      if (answer.accepted) this.report.verified += 1
      else if (Date.now() >= end && EXPIRED.test(answer.reason)) this.report.late += 1
      else this.report.failures.push(`${verifier.name} refuses ${name}: ${answer.reason}`)
    })
    await Promise.all(checks)
  }
}
