import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { byDepth } from '../../tools/test/depth.ts'
import type { RevocationMode } from '../../src/keys/revocation.ts'
import type { LogEntry, TokenEntry } from '../../src/log/entry.ts'
import { CACHE_STATUS, proxyStalenessSeconds } from '../support/caching-proxy.ts'
import { VERIFIER_TOKEN_TYPE } from '../support/token-verifiers.ts'
import { Cluster, JWKS_PATH, whyNoCluster } from './cluster.ts'
import { disorderIn, JwksObserver, type Observation } from './jwks-observer.ts'
import { auditLog } from './log-rules.ts'
import { drill, type Measurement } from './revocation-drill.ts'
import { createVerifiers, TokenLoad } from './token-load.ts'

const KEYS = Array.from({ length: 8 }, (_, number) => `sessions-${number + 1}`)
const ROTATIONS_EACH = byDepth(process.env, 2, 7)
const ROTATIONS = KEYS.length * ROTATIONS_EACH

/** M, and how long the verifiers' own caches keep what the proxy gives them. */
const MAX_AGE = 1
const CACHE = 2
/** V: as old as a set can be that a verifier uses, the proxy's part and its own together. */
const VERIFIER_CACHE = proxyStalenessSeconds(MAX_AGE) + CACHE
const LAG = 2
const SKEW = 1
const LEEWAY = 1
const LIFETIME = 6
const DELAY = VERIFIER_CACHE + LAG + SKEW

const ROTATION = {
  every: `${DELAY}s`,
  maxAge: `${MAX_AGE}s`,
  verifierCache: `${VERIFIER_CACHE}s`,
  replicaLag: `${LAG}s`,
  signerLag: `${LAG}s`,
  clockSkew: `${SKEW}s`,
  verifierLeeway: `${LEEWAY}s`,
}

/** Three times what it takes where nothing else runs. */
const DEADLINE_MS = 3 * ROTATIONS_EACH * (DELAY + 1) * 1000

test(
  `three replicas rotate ${ROTATIONS} times under load, and no verifier ever refuses a valid token`,
  { timeout: DEADLINE_MS + 180_000 },
  async ({ skip }) => {
    const why = whyNoCluster()
    skip(why !== undefined, why)
    const token = { use: 'token', tokenType: VERIFIER_TOKEN_TYPE, maxTokenLifetime: `${LIFETIME}s` }
    const keys = Object.fromEntries(
      KEYS.map((name) => [name, { ...token, use: 'token', rotation: ROTATION } as const]),
    )
    await using cluster = await Cluster.start({
      keys: { ...keys, release: { use: 'artifact', rotation: ROTATION } },
    })
    const load = new TokenLoad(cluster, createVerifiers(cluster, CACHE))
    const observer = new JwksObserver(cluster.replicas, 200)
    const stop = new AbortController()

    const signing = signArtifacts(cluster, stop.signal)
    const running = load.run(KEYS, 500, stop.signal)
    await untilRotated(load.report.versions)
    stop.abort()
    await running
    await delay((LEEWAY + SKEW) * 1000)
    const isCached = await askTwice(cluster)
    await observer[Symbol.asyncDispose]()
    const entries = await cluster.readAuditLog()

    const { issued, verified, late, failures } = load.report
    const audit = auditLog(entries, { servedBefore: VERIFIER_CACHE + SKEW, signerLag: LAG })
    const rotations = KEYS.map((name) => audit.rotations.get(name) ?? 0)
    const total = rotations.reduce((sum, count) => sum + count, 0)
    process.stdout.write(
      `${total} rotations of ${KEYS.length} keys on 3 replicas: ${issued} tokens issued, ${verified} verifications passed, ${failures.length} failed, ${late} too late to tell; ${JSON.stringify(audit.signatures)} in the log, ${audit.violations.length} outside their rules; ${observer.observations.length} key sets seen\n`,
    )
    expect(failures).toEqual([])
    expect(audit.violations).toEqual([])
    expect(total).toBeGreaterThanOrEqual(ROTATIONS)
    expect(audit.signatures['token']).toBe(issued)
    expect(audit.signatures['signature']).toBe(await signing)
    expect(audit.rotations.get('release')).toBeGreaterThan(0)
    expect(late).toBeLessThan(verified / 10)
    expect(isCached).toBe(true)
    expect(disorderIn(observer.observations)).toEqual([])
    expect(gapsIn(observer.observations, entries)).toEqual([])
  },
)

const REVOCATIONS = byDepth(process.env, 12, 36)
/** Every sixth introduces an unpublished version. */
const modeOf = (turn: number): RevocationMode => (turn % 6 === 5 ? 'flush' : 'seamless')

/** Waits that let a standby take over within seconds, and a period that no test sees the end of. */
const STANDBY_ROTATION = {
  ...{ every: '1h', maxAge: '1s', verifierCache: '1s' },
  ...{ replicaLag: '1s', signerLag: '1s', clockSkew: '1s', verifierLeeway: '1s' },
}

test(
  'a revoked version signs nothing on any replica within a second, and leaves every key set',
  { timeout: 600_000 },
  async ({ skip }) => {
    const why = whyNoCluster()
    skip(why !== undefined, why)
    const key = { use: 'token', maxTokenLifetime: '4s', rotation: STANDBY_ROTATION } as const
    await using cluster = await Cluster.start({
      keys: Object.fromEntries(KEYS.map((name) => [name, key])),
    })

    const measured: Measurement[] = []
    for (let turn = 0; turn < REVOCATIONS; turn += 1) {
      const name = KEYS[turn % KEYS.length] ?? ''
      measured.push(await drill(cluster, { key: name, mode: modeOf(turn), turn }))
    }
    const entries = await cluster.readAuditLog()

    const refused = measured.map(({ refusedMs }) => refusedMs)
    const sinceAsked = measured.map(({ sinceAskedMs }) => sinceAskedMs)
    const unlisted = measured.map(({ unlistedMs }) => unlistedMs)
    const inFlight = entries.filter((entry) => entry.type === 'denial').length
    const audit = auditLog(entries, { servedBefore: 2, signerLag: 1 })
    process.stdout.write(
      `${REVOCATIONS} revocations, 3 replicas, from the acknowledgement: last token of the revoked version ${spread(refused)} (from the request: ${spread(sinceAsked)}); out of every JWKS ${spread(unlisted)}; ${inFlight} signatures held back in flight and made again, ${JSON.stringify(audit.signatures)} in the log, ${audit.violations.length} outside their rules\n`,
    )
    expect(quantile(refused, 0.99)).toBeLessThan(1000)
    expect(quantile(unlisted, 0.99)).toBeLessThan(1000)
    expect(audit.violations).toEqual([])
    expect(measured.flatMap(({ failures }) => failures)).toEqual([])
  },
)

async function untilRotated(versions: ReadonlyMap<string, number>): Promise<void> {
  const deadline = AbortSignal.timeout(DEADLINE_MS)
  while (!KEYS.every((name) => (versions.get(name) ?? 0) > ROTATIONS_EACH)) {
    await delay(200, undefined, { signal: deadline })
  }
}

/** Signs digests on each replica in turn; answers how many were signed. */
async function signArtifacts(cluster: Cluster, stop: AbortSignal): Promise<number> {
  let signed = 0
  for (let turn = 0; !stop.aborted; turn += 1) {
    const replica = cluster.replicas[turn % cluster.replicas.length]
    if (replica === undefined) continue
    const digest = `sha256:${turn.toString(16).padStart(64, '0')}`
    const artifacts = [{ digest, kind: 'file' }]
    const { body } = await cluster.post(replica, '/v1/keys/release/signatures', { artifacts })
    expect(body).toMatchObject({ results: [{ bundle: {} }] })
    signed += 1
    await delay(500)
  }
  return signed
}

/** Whether the proxy answers from its cache: else it proves nothing about caches. */
async function askTwice({ proxy }: Cluster): Promise<boolean> {
  await (await fetch(`${proxy.url}${JWKS_PATH}`)).arrayBuffer()
  const second = await fetch(`${proxy.url}${JWKS_PATH}`)
  await second.arrayBuffer()
  return second.headers.get(CACHE_STATUS) === 'HIT'
}

/**
 * Where a set that had to have a version did not: on every replica, from max(M, V) + S before its first
 * token (the first version of a key: from that token) until W + S after its last token's end.
 */
function gapsIn(
  observations: readonly Observation[],
  entries: readonly LogEntry[],
): readonly string[] {
  const tokens = entries.filter((entry) => entry.type === 'token')
  const ofKid = Map.groupBy(tokens, ({ key }: TokenEntry) => key.kid)
  return [...ofKid].flatMap(([kid, signed]) => {
    const times = signed.map(({ time }) => time.getTime())
    const isFirst = signed.some(({ key }) => key.version === 1)
    const from = Math.min(...times) - (isFirst ? 0 : (VERIFIER_CACHE + SKEW) * 1000)
    const ends = signed.map(({ expires }) => expires.getTime())
    const until = Math.max(...ends) + (LEEWAY + SKEW) * 1000
    return observations
      .filter(({ sentAt, receivedAt }) => sentAt >= from && receivedAt < until)
      .filter(({ kids }) => !kids.has(kid))
      .map(({ replica, sentAt }) => `${replica} lacked ${kid} at ${new Date(sentAt).toISOString()}`)
  })
}

/** The value that a share of all values is at or below. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN
}

function spread(values: readonly number[]): string {
  const [p50, p99] = [quantile(values, 0.5), quantile(values, 0.99)]
  return `p50 ${p50} ms, p99 ${p99} ms, max ${Math.max(...values)} ms`
}
