/** What is looked up when the metrics are read: keys, publications, logs, checks and queues as they are then. */
import { ripeAt } from '../../keys/deadlines.ts'
import { scheduledAt } from '../../keys/due-actions.ts'
import type { Key, KeyVersion } from '../../keys/key.ts'
import { activeVersion, standbyOf } from '../../keys/lifecycle.ts'
import { KEY_STATES } from '../../keys/state.ts'
import type { Keyring } from '../../rotation/keyring.ts'
import type { StoreKeyring } from '../../rotation/store-keyring.ts'
import type { Store } from '../../store/store.ts'
import type { Lifecycle } from '../composition/lifecycle.ts'
import type { ServiceContext } from '../context.ts'
import { type CheckResult, sharedLook } from '../health/look.ts'
import type { QueueLoad } from '../http/fair-queue.ts'
import type { Publications } from '../publishing/publications.ts'
import type { Instruments } from './instruments.ts'
import type { Look, ServiceMetrics } from './service-metrics.ts'

const seconds = (time: Date): number => time.getTime() / 1000

/** What is looked at. */
export interface LookedAt {
  readonly keyring: StoreKeyring
  readonly publications: Pick<Publications, 'served'>
  readonly readiness: ServiceContext['readiness']
  readonly store: Store
  readonly now: () => Date
}

/** Longer than a check takes, shorter than Prometheus waits. */
const CHECKS_MS = 5000

/** Has all of it looked at whenever the metrics are read, and follows revocations until the service stops. */
export function watchService(
  metrics: ServiceMetrics | undefined,
  lifecycle: Lifecycle,
  { keyring, now, publications, readiness, store }: LookedAt,
): void {
  if (metrics === undefined) return
  metrics.onRead(lookAtKeys(keyring, now))
  metrics.onRead(lookAtHistory(publications))
  metrics.onRead(lookAtLogs(store))
  metrics.onRead(lookAtChecks(sharedLook(readiness, CHECKS_MS)))
  const stop = followRevocations(keyring, now, metrics.revocationSeen)
  lifecycle.own({
    [Symbol.asyncDispose]: () => {
      stop()
      return Promise.resolve()
    },
  })
}

/** Versions, rotation and standby of each key. */
function lookAtKeys(keyring: Pick<StoreKeyring, 'ageMs' | 'snapshot'>, now: () => Date): Look {
  return (instruments) => {
    instruments.keyringAge.set(keyring.ageMs() / 1000)
    const { keys, versions } = keyring.snapshot
    for (const key of keys) {
      const own = versions.filter((version) => version.key === key.name)
      lookAtKey(instruments, { key, versions: own, now: now() })
    }
  }
}

interface Moment {
  readonly key: Key
  readonly versions: readonly KeyVersion[]
  readonly now: Date
}

function lookAtKey(instruments: Instruments, { key, now, versions }: Moment): void {
  const labels = { key: key.name }
  for (const state of KEY_STATES) {
    const count = versions.filter((version) => version.state === state).length
    instruments.keyVersions.set({ ...labels, state }, count)
  }
  const standby = standbyOf(versions)
  const ripe = standby && ripeAt(standby, key)
  instruments.keyStandby.set(labels, ripe !== undefined && ripe <= now ? 1 : 0)
  const since = activeVersion(versions)?.activatedAt
  if (since !== undefined) instruments.keyActivated.set(labels, seconds(since))
  const due = scheduledAt({ key, versions, now })
  if (due !== undefined) instruments.keyRotation.set(labels, seconds(due))
}

/** The signed key history. */
function lookAtHistory({ served }: Pick<Publications, 'served'>): Look {
  return ({ historyExpires, historyIssued, historySequence }) => {
    const { history, times } = served() ?? {}
    if (history === undefined || times === undefined) return
    historySequence.set(history.sequence)
    historyIssued.set(seconds(times.issuedAt))
    historyExpires.set(seconds(times.expires))
  }
}

/** How far both logs and their checkpoints are. */
function lookAtLogs({ log, transparencyLog }: Store): Look {
  const logs = { audit: log, transparency: transparencyLog }
  return async ({ checkpointSize, logSize }) => {
    for (const [name, records] of Object.entries(logs)) {
      const checkpoint = await records.checkpoint()
      const { size } = await records.head()
      logSize.set({ log: name }, size)
      checkpointSize.set({ log: name }, checkpoint?.size ?? 0)
    }
  }
}

/** What `/readyz` knows. */
function lookAtChecks(look: () => Promise<readonly CheckResult[]>): Look {
  return async ({ checkOk, keySigns }) => {
    for (const { error, key, name } of await look()) {
      const value = error === undefined ? 1 : 0
      if (key === undefined) checkOk.set({ check: name }, value)
      else keySigns.set({ key: key.name }, value)
    }
  }
}

/** The places for requests. */
export function lookAtQueues(queues: Readonly<Record<string, QueueLoad>>): Look {
  return ({ queueRunning, queueWaiting }) => {
    for (const [group, { running, waiting }] of Object.entries(queues)) {
      queueRunning.set({ group }, running)
      queueWaiting.set({ group }, waiting)
    }
  }
}

/** Measures how long after its revocation each version is no longer used here. */
function followRevocations(
  keyring: Pick<Keyring, 'snapshot' | 'onChange'>,
  now: () => Date,
  seen: (seconds: number) => void,
): () => void {
  const revoked = ({ versions }: Keyring['snapshot']): readonly KeyVersion[] =>
    versions.filter(({ revokedAt }) => revokedAt !== undefined)
  const known = new Set(revoked(keyring.snapshot).map(({ publicKey }) => publicKey.kid))
  return keyring.onChange((snapshot) => {
    for (const { publicKey, revokedAt } of revoked(snapshot)) {
      if (revokedAt === undefined || known.has(publicKey.kid)) continue
      known.add(publicKey.kid)
      seen(Math.max(0, (now().getTime() - revokedAt.getTime()) / 1000))
    }
  })
}
