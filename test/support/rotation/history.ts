/** Reads a tape as a history: settings first, then steps of operators, scheduler, time and verifiers. */
import type { Key, KeyVersion, RotationPolicy } from '../../../src/keys/key.ts'
import type { KeyMoment } from '../../../src/keys/lifecycle.ts'
import { scheduledAt } from '../../../src/keys/due-actions.ts'
import { create, publish, retire } from '../../../src/keys/transitions.ts'
import type { VersionChange } from '../../../src/keys/version-change.ts'
import { second } from '../key-versions.ts'
import type { Replica, Settings } from './facts.ts'
import { DEADLINES, type Rules } from './rules.ts'
import { Tape } from './tape.ts'
import { World } from './world.ts'

const WHY = { force: true, reason: 'the history says so' }

/** Lives one history and answers which changes of state it had; throws a Violation where an invariant breaks. */
export function liveHistory(numbers: readonly number[], rules: Rules): ReadonlySet<string> {
  const tape = new Tape(numbers)
  const world = createWorld(tape, rules)
  while (!tape.isOver) {
    const key = world.keys[tape.next(3) === 0 ? 1 : 0]
    if (key !== undefined) takeStep(world, tape, { rules, key })
    world.observe()
  }
  world.judge()
  return world.changes
}

function createWorld(tape: Tape, rules: Rules): World {
  // Clocks differ by S at most, those of replicas by L at most: see the design page.
  const physical = choosePhysical(tape)
  const { clockSkewSeconds: S, signerLagSeconds: L } = physical
  const slowest = tape.next(S + 1)
  const replica = (): Replica => ({
    skew: slowest + tape.next(Math.min(L, S - slowest) + 1),
    lag: tape.next(physical.replicaLagSeconds + 1),
    signerLag: tape.next(physical.signerLagSeconds + 1),
  })
  const skew = () => tape.next(S + 1)
  const key = (name: string, use: Key['use']): Key => {
    const policy = choosePolicy(tape, physical)
    return { name, use, algorithm: 'ES256', provider: 'file:keys/', policy }
  }
  return new World(
    {
      keys: [key('sessions', 'token'), key('other', tape.next(2) === 0 ? 'artifact' : 'token')],
      replicas: [replica(), replica()],
      verifierSkews: [skew(), skew(), skew()],
    },
    rules,
  )
}

type Physical = Pick<RotationPolicy, 'replicaLagSeconds' | 'signerLagSeconds' | 'clockSkewSeconds'>

function choosePhysical(tape: Tape): Physical {
  return {
    replicaLagSeconds: tape.next(4),
    signerLagSeconds: tape.next(4),
    clockSkewSeconds: tape.next(5),
  }
}

function choosePolicy(tape: Tape, physical: Physical): RotationPolicy {
  return {
    ...physical,
    maxAgeSeconds: tape.next(13),
    verifierCacheSeconds: tape.next(13),
    // No less than R: see createRotationPolicy.
    maxTokenLifetimeSeconds: Math.max(physical.replicaLagSeconds, 1 + tape.next(12)),
    verifierLeewaySeconds: tape.next(4),
    everySeconds: tape.next(4) === 0 ? undefined : 8 + tape.next(40),
    auditWindowSeconds: tape.next(6),
  }
}

interface Scene {
  readonly rules: Rules
  readonly key: Key
}

type Step = (world: World, tape: Tape, scene: Scene, moment: KeyMoment) => void

/** How often each step is taken: time passes and the scheduler works, the rest is rarer. */
const STEPS: readonly [Step, ...Step[]] = [
  wait,
  wait,
  waitForDeadline,
  waitForDeadline,
  waitForDeadline,
  waitForDeadline,
  runScheduler,
  runScheduler,
  runScheduler,
  poll,
  poll,
  (world, _tape, _scene, moment) => {
    if (world.hasKeyPairs) world.transition(moment, (at) => [create(at, world.nextKeyPair())])
  },
  (world, tape, _scene, moment) => {
    const number = numberOf(moment, tape, 'pending')
    world.transition(moment, (at) => publish(at, number))
  },
  activateIfAllowed,
  activateIfAllowed,
  activateIfAllowed,
  (world, tape, { rules }, moment) => {
    const number = numberOf(moment, tape, 'pending')
    if (tape.next(3) === 0) world.transition(moment, (at) => rules.activate(at, number, WHY))
  },
  (world, tape, _scene, moment) => {
    const number = numberOf(moment, tape, 'active')
    if (tape.next(3) === 0) world.transition(moment, (at) => retire(at, number, WHY), true)
  },
  (world, tape, _scene, moment) => {
    const number = numberOf(moment, tape, 'pending')
    if (tape.next(3) === 0) world.transition(moment, (at) => retire(at, number))
  },
  revokeSome,
  revokeSome,
  destroySome,
  destroySome,
  destroySome,
  destroySome,
  (world, tape, _scene, { now }) => {
    if (tape.next(4) !== 0) return
    const physical = within(choosePhysical(tape), world.settings)
    world.changePolicies([choosePolicy(tape, physical), choosePolicy(tape, physical)], now)
  },
  (world) => {
    world.judge()
  },
]

/** Clocks stay as they are, so no value may be below their difference. */
function within(physical: Physical, { replicas, verifierSkews }: Settings): Physical {
  const [first, second] = replicas
  const skews = [first.skew, second.skew, ...verifierSkews]
  return {
    ...physical,
    signerLagSeconds: Math.max(physical.signerLagSeconds, Math.abs(first.skew - second.skew)),
    clockSkewSeconds: Math.max(physical.clockSkewSeconds, ...skews),
  }
}

function takeStep(world: World, tape: Tape, scene: Scene): void {
  const step = tape.pick(STEPS)
  const [first, second] = world.settings.replicas
  const replica = tape.next(2) === 0 ? first : second
  step(world, tape, scene, world.moment(scene.key, replica))
}

function wait(world: World, tape: Tape): void {
  world.time += tape.next(4)
}

/** Goes to a second around a time at which something may change, by some clock. */
function waitForDeadline(world: World, tape: Tape, { key }: Scene, moment: KeyMoment): void {
  const skew = world.settings.replicas[tape.next(2)]?.skew ?? 0
  const own = moment.versions.flatMap((version) =>
    DEADLINES.map((deadline) => deadline(version, key)),
  )
  const clocks = [...own, scheduledAt(moment)].flatMap((time) =>
    time === undefined ? [] : [(time.getTime() - second(0).getTime()) / 1000 - skew],
  )
  const caches = world.verifiers.map(({ verifier }) => verifier.expiresAt).filter(Number.isFinite)
  const later = [...clocks, ...caches, ...world.tokenEnds].filter((time) => time > world.time)
  const goal = later[tape.next(Math.max(1, later.length))] ?? world.time
  world.time = Math.max(world.time, goal + tape.next(3) - 1)
}

/** One step of the scheduler, or all that are due: a crash may come between any two. */
function runScheduler(world: World, tape: Tape, scene: Scene, moment: KeyMoment): void {
  const { key, rules } = scene
  let steps = tape.next(3) === 0 ? 1 : 6
  let at = moment
  while (steps-- > 0) {
    const [due] = rules.dueActions(at)
    if (due === undefined || (due.action === 'create' && !world.hasKeyPairs)) return
    world.transition(at, (now) => {
      if (due.action === 'create') return [create(now, world.nextKeyPair())]
      return due.action === 'publish' ? publish(now, due.version) : rules.activate(now, due.version)
    })
    at = { ...moment, versions: world.state.versions.filter((v) => v.key === key.name) }
  }
}

function poll(world: World, tape: Tape): void {
  const { verifiers } = world
  verifiers[tape.next(verifiers.length)]?.verifier.poll(world.time)
}

function activateIfAllowed(world: World, tape: Tape, { rules }: Scene, moment: KeyMoment): void {
  const number = numberOf(moment, tape, 'pending')
  world.transition(moment, (at) => rules.activate(at, number))
}

function revokeSome(world: World, tape: Tape, { rules }: Scene, moment: KeyMoment): void {
  const version = tape.next(2) === 0 ? oneOf(moment.versions, tape) : oneOf(endedOf(moment), tape)
  if (version === undefined) return
  const force = tape.next(3) === 0 ? WHY : {}
  const mode = tape.next(2) === 0 ? 'seamless' : 'flush'
  const compromisedSince =
    tape.next(2) === 0 ? undefined : new Date(moment.now.getTime() - tape.next(20) * 1000)
  const revoke = (at: KeyMoment): readonly VersionChange[] => {
    const changed = rules.revoke(at, version.version, { mode, compromisedSince, ...force })
    world.noteRevoked(version.publicKey.kid)
    return changed
  }
  world.transition(moment, revoke, 'force' in force)
}

function destroySome(world: World, tape: Tape, { rules }: Scene, moment: KeyMoment): void {
  const version = tape.next(8) === 0 ? oneOf(moment.versions, tape) : oneOf(endedOf(moment), tape)
  if (version === undefined) return
  const last = world.lastSignature(version.publicKey.kid)
  world.transition(moment, (at) => rules.destroy(at, version.version, last))
}

function oneOf(versions: readonly KeyVersion[], tape: Tape): KeyVersion | undefined {
  return versions[tape.next(Math.max(1, versions.length))]
}

/** The versions that sign no more: rare, so chosen on purpose. */
function endedOf({ versions }: KeyMoment): readonly KeyVersion[] {
  return versions.filter(({ state }) => state !== 'pending' && state !== 'active')
}

/** The number of a version in a state, or a number that does not exist. */
function numberOf(moment: KeyMoment, tape: Tape, state: KeyVersion['state']): number {
  const fitting = moment.versions.filter((version) => version.state === state)
  return oneOf(fitting, tape)?.version ?? 0
}
