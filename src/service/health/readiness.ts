/** What `/readyz` looks at: the store, the logs and every key, and which of them the service cannot do without. */
import type { CountersignError } from '../../errors.ts'
import type { CheckedClock, MachineClock } from '../../rotation/checked-clock.ts'
import type { Store } from '../../store/store.ts'
import { ApprovalAudit } from '../authorization/approval-audit.ts'
import type { Lifecycle } from '../composition/lifecycle.ts'
import type { ReadinessCheck, ServiceSettings } from '../context.ts'
import type { Publications } from '../publishing/publications.ts'
import { KeyHealth } from './key-health.ts'
import { assertWith, storeChecks, type StoreWatchers } from './store-checks.ts'

/** What it stands on. */
export interface ReadinessOptions {
  readonly store: Store
  readonly clock: CheckedClock
  readonly machine: Pick<MachineClock, 'monotonicMs'>
  readonly settings: Pick<ServiceSettings, 'ready'>
  readonly approvals: { readonly examinedEntries: readonly number[] }
}

/** What knows how the parts of the service are. */
export interface ReadinessParts extends StoreWatchers {
  readonly health: KeyHealth
  readonly publications: Pick<Publications, 'assertRenewed'>
  readonly others: readonly (() => readonly ReadinessCheck[])[]
}

/** Makes the checks. */
export function createReadiness(
  { approvals, clock, machine, settings, store }: ReadinessOptions,
  { health, others, publications, ...watchers }: ReadinessParts,
): () => readonly ReadinessCheck[] {
  const isStrict = settings.ready === 'every'
  const checkStore = storeChecks({ clock, isStrict, machine, store }, watchers)
  const audit = new ApprovalAudit(store, approvals.examinedEntries)
  return () => [
    ...[checkStore, ...others].flatMap((checksOf) => checksOf()),
    { name: 'approvals', check: () => audit.assertComplete() },
    {
      name: 'key history',
      // It is of one key, and what was published goes on being served.
      isAdvisory: !isStrict,
      check: () => assertWith(publications.assertRenewed),
    },
    ...health.checks(),
  ]
}

/** What {@link startHealth} stands on. */
export interface HealthOptions {
  readonly clock: Pick<CheckedClock, 'now'>
  readonly machine: Pick<MachineClock, 'monotonicMs'>
  readonly onAlert: (error: CountersignError, key: string) => void
  readonly onInfo: (message: string, about: Readonly<Record<string, unknown>>) => void
}

/** Makes what follows the keys; each change of one is a line in the log of the process. */
export function startHealth(
  { clock: { now }, machine: { monotonicMs }, onAlert, onInfo }: HealthOptions,
  lifecycle: Lifecycle,
): KeyHealth {
  const onHealed = (key: string): void => {
    onInfo(`the key "${key}" signs again`, { key })
  }
  const health = new KeyHealth({ now, monotonicMs, onFailing: onAlert, onHealed })
  lifecycle.own({
    [Symbol.asyncDispose]: () => {
      health[Symbol.dispose]()
      return Promise.resolve()
    },
  })
  return health
}
