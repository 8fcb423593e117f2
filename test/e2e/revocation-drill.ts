/** Revokes while every replica signs, and measures how soon the last one stops. */
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import type { RevocationMode } from '../../src/keys/revocation.ts'
import type { ServiceProcess } from '../support/service-process.ts'
import type { Cluster } from './cluster.ts'
import { JwksObserver, type Observation } from './jwks-observer.ts'

/** How often each replica answers before the revocation and after it, at least. */
const ANSWERS = 5
const DEADLINE_MS = 60_000

/** One revocation: of the active version of a key, through one of the replicas. */
export interface Drill {
  readonly key: string
  readonly mode: RevocationMode
  /** Any number; replicas take turns. */
  readonly turn: number
}

/** What was seen of one revocation. */
export interface Measurement {
  /** From the acknowledgement to the last answer of any replica with a token of the revoked version. */
  readonly refusedMs: number
  /** The same from the moment the revocation was asked for. */
  readonly sinceAskedMs: number
  /** From the acknowledgement to the first answer of the last replica whose key set is without it. */
  readonly unlistedMs: number
  /** Codes of requests that were refused: none, for those under way are signed by the successor. */
  readonly failures: readonly string[]
}

/** Revokes through one replica, while all of them issue tokens with the key. */
export async function drill(
  cluster: Cluster,
  { key: name, mode, turn }: Drill,
): Promise<Measurement> {
  const revoked = await activeWithStandby(cluster, name)
  const issuers = cluster.replicas.map((replica) => new TokenIssuer(cluster, replica, name))
  const observer = new JwksObserver(cluster.replicas, 20)
  await until(() => issuers.every(({ answers }) => answers.length >= ANSWERS))

  const replica = cluster.replicas[turn % cluster.replicas.length]
  if (replica === undefined) throw new Error('there are three')
  const asked = Date.now()
  const order = { mode, version: revoked.version, reason: 'a drill' }
  const { status, body } = await cluster.post(replica, `/v1/keys/${name}/revoke`, order)
  const acknowledged = Date.now()
  expect({ status, body }).toMatchObject({ status: 200 })

  const isLater = ({ sentAt }: { readonly sentAt: number }): boolean => sentAt > acknowledged
  await until(() => issuers.every(({ answers }) => answers.filter(isLater).length >= ANSWERS))
  await until(() => cluster.replicas.every(({ url }) => unlistedAt(observer, url, revoked.kid)))
  await Promise.all([...issuers, observer].map((one) => one[Symbol.asyncDispose]()))

  const answers = issuers.flatMap((issuer) => issuer.answers)
  const accepted = answers.filter(({ kid }) => kid === revoked.kid)
  const unlisted = cluster.replicas.map(({ url }) => unlistedAt(observer, url, revoked.kid) ?? 0)
  const last = Math.max(...accepted.map(({ receivedAt }) => receivedAt))
  return {
    refusedMs: Math.max(0, last - acknowledged),
    sinceAskedMs: last - asked,
    unlistedMs: Math.max(0, ...unlisted.map((at) => at - acknowledged)),
    failures: answers.flatMap(({ code }) => code ?? []),
  }
}

/** Waits until a key has a standby, and answers its active version. */
async function activeWithStandby(
  cluster: Cluster,
  name: string,
): Promise<{ readonly version: number; readonly kid: string }> {
  const deadline = AbortSignal.timeout(DEADLINE_MS)
  for (;;) {
    const versions = await cluster.versions(name)
    const active = versions.find(({ state }) => state === 'active')
    const hasStandby = versions.some(
      ({ state, publishedAt }) => state === 'pending' && publishedAt !== undefined,
    )
    if (active !== undefined && hasStandby) return active
    await delay(50, undefined, { signal: deadline })
  }
}

/** When a replica was first seen without a version that it had; undefined: not yet. */
function unlistedAt({ observations }: JwksObserver, url: string, kid: string): number | undefined {
  const seen = observations.filter(({ replica }: Observation) => replica === url)
  const last = seen.findLastIndex(({ kids }) => kids.has(kid))
  return seen[last + 1]?.receivedAt
}

async function until(isTrue: () => boolean): Promise<void> {
  const deadline = AbortSignal.timeout(DEADLINE_MS)
  while (!isTrue()) await delay(5, undefined, { signal: deadline })
}

/** What one request for a token came to. */
interface TokenAnswer {
  readonly sentAt: number
  readonly receivedAt: number
  /** Of the version that signed; undefined: refused with a code. */
  readonly kid: string | undefined
  readonly code: string | undefined
}

/** Asks one replica for tokens of one key, one after the other without a pause, until disposed. */
class TokenIssuer implements AsyncDisposable {
  readonly answers: TokenAnswer[] = []
  readonly #issuing: Promise<void>
  #isStopped = false

  constructor(cluster: Cluster, replica: ServiceProcess, key: string) {
    this.#issuing = this.#issue(cluster, replica, key)
  }

  async #issue(cluster: Cluster, replica: ServiceProcess, key: string): Promise<void> {
    const order = { audience: 'https://api.example.com' }
    while (!this.#isStopped) {
      const sentAt = Date.now()
      const { status, body } = await cluster.post(replica, `/v1/keys/${key}/tokens`, order)
      const isIssued = status === 200
      this.answers.push({
        sentAt,
        receivedAt: Date.now(),
        kid: isIssued ? String(body['kid']) : undefined,
        code: isIssued ? undefined : String(body['code']),
      })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true
    await this.#issuing
  }
}
