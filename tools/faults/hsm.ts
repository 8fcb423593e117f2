/** A service whose key is on a PKCS#11 token, while the module of that token is at fault. */
import { randomBytes } from 'node:crypto'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { CLI } from '../../bench/built-cli.ts'
import { createGoal, type Goal, type Row, type Section } from '../../bench/report.ts'
import { startServerProcess } from '../../bench/service/server-process.ts'
import {
  createFaultModule,
  type FaultModule,
} from '../../test/support/fault-module/fault-module.ts'
import { writeServiceFolder } from '../../test/support/service-folder.ts'
import { createSoftHsm, type SoftHsm } from '../../test/support/softhsm.ts'
import { createTempFolder } from './folder.ts'
import { type Outcome, type Outcomes, percentile, runLoad, type Target } from './load.ts'

const PROBE = resolve(import.meta.dirname, '../../bench/service/loop-probe.ts')

/** Before and after a fault. */
const QUIET_MS = 5000
const FAULT_MS = 5000
const AFTER_MS = 7000
/** From one death of the process of the module to the next. */
const DEATH_MS = 600
/** After which a log has grown if it was to grow. */
const SETTLED_MS = 3000

/** What can be put at fault. */
interface Bench {
  readonly hsm: SoftHsm
  readonly faults: FaultModule
  /** The service. */
  readonly pid: number
}

interface Scenario {
  readonly name: string
  /** Puts something at fault, and right again. */
  readonly run: (bench: Bench) => Promise<void>
}

const lasting = (
  name: string,
  call: string,
  fault: Parameters<FaultModule['set']>[1],
): Scenario => ({
  name,
  run: async ({ faults }) => {
    faults.set(call, fault)
    await pause(FAULT_MS)
    faults.clear(call)
  },
})

const once = (
  name: string,
  call: string,
  fault: Parameters<FaultModule['set']>[1],
  count: number,
): Scenario => ({
  name,
  run: ({ faults }) => {
    faults.set(call, fault, count)
    return Promise.resolve()
  },
})

const QUIET: Scenario = { name: 'none', run: () => Promise.resolve() }

/** Faults of the module, and of what it stands before. */
function scenarios(deaths: number): readonly Scenario[] {
  return [
    QUIET,
    once('one C_Sign hangs', 'C_Sign', 'hang', 1),
    lasting('C_Sign hangs for 5 s', 'C_Sign', 'hang'),
    lasting('C_SignInit hangs for 5 s', 'C_SignInit', 'hang'),
    once('C_Sign crashes once', 'C_Sign', 'crash', 1),
    lasting('C_Sign crashes for 5 s', 'C_Sign', 'crash'),
    once('8 calls find their session closed', 'C_SignInit', 'return 176', 8),
    lasting('CKR_DEVICE_ERROR for 5 s', 'C_Sign', 'return 48'),
    {
      name: 'tokens away for 5 s',
      run: async ({ hsm }) => {
        const folder = join(dirname(hsm.configPath), 'tokens')
        renameSync(folder, `${folder}.away`)
        await pause(FAULT_MS)
        renameSync(`${folder}.away`, folder)
      },
    },
    {
      name: `process killed ${deaths} times, every ${DEATH_MS} ms`,
      run: async ({ pid }) => {
        for (let death = 0; death < deaths; death += 1) {
          for (const child of childrenOf(pid)) process.kill(child, 'SIGKILL')
          await pause(DEATH_MS)
        }
      },
    },
  ]
}

/** The service has no other children than processes of modules. */
function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}

/** Measures the scenarios whose names hold a text, each with a service of its own. */
export async function measureHsm(deaths: number, fault = ''): Promise<Section> {
  const measured: Measured[] = []
  for (const scenario of scenarios(deaths).filter(({ name }) => name.includes(fault))) {
    console.error(`measuring: ${scenario.name}`)
    // No service takes over the keys of another.
    const hsm = createSoftHsm(['faults'])
    const faults = createFaultModule(hsm)
    try {
      measured.push(await measureScenario(scenario, hsm, faults))
    } finally {
      faults.remove()
      hsm.remove()
    }
  }
  return toSection(measured)
}

interface Measured {
  readonly name: string
  readonly outcomes: Outcomes
  /** Longest time that something held the event loop of the service, in milliseconds of its thread. */
  readonly heldMs: number
  readonly recoveryMs: number
  /** When the fault began, as the outcomes tell time. */
  readonly faultAt: number
  /** Entries of the audit log beyond the tokens that were delivered; refusals have some of their own. */
  readonly moreEntries: number
}

async function measureScenario(
  scenario: Scenario,
  hsm: SoftHsm,
  faults: FaultModule,
): Promise<Measured> {
  const place = createTempFolder()
  const delays = join(tmpdir(), `countersign-loop-${randomBytes(6).toString('hex')}`)
  writeFileSync(delays, '')
  const [token] = hsm.tokens
  const provider = `pkcs11:token=faults?module-path=${faults.path}`
  const folder = writeServiceFolder({
    folder: place,
    keys: { hsm: { use: 'token', provider }, file: { use: 'token' } },
  })
  const env = {
    ...process.env,
    ...folder.env,
    ...faults.env,
    COUNTERSIGN_PKCS11_PIN: token?.pin ?? '',
    BENCH_LOOP_DELAYS: delays,
  }
  const args = ['--import', PROBE, CLI, 'serve', '--config', folder.config, '--migrate']
  const service = await startServerProcess({
    command: process.execPath,
    args,
    env,
    logPath: join(place, 'log'),
  })
  const target = {
    url: service.address,
    authorization: folder.authorization,
    key: 'hsm',
    otherKey: 'file',
  }
  // The first requests compile what the others run.
  await runLoad(target, () => pause(QUIET_MS))
  const [from, before] = [Date.now(), await auditSize(target)]
  let [faultAt, cured] = [0, 0]
  const outcomes = await runLoad(target, async () => {
    await pause(QUIET_MS)
    faultAt = performance.now()
    await scenario.run({ hsm, faults, pid: service.pid })
    cured = performance.now()
    await pause(AFTER_MS)
  })
  const after = await auditSize(target)
  const heldMs = longestHold(delays, from)
  await service[Symbol.asyncDispose]()
  rmSync(delays)
  rmSync(place, { recursive: true })
  const delivered = [...outcomes.key, ...outcomes.others].filter(isToken).length
  return {
    name: scenario.name,
    outcomes,
    heldMs,
    recoveryMs: recoveryAfter(outcomes.key, cured),
    faultAt,
    moreEntries: after - before - delivered,
  }
}

async function auditSize({ url, authorization }: Target): Promise<number> {
  const read = async (): Promise<number> => {
    const answer = await fetch(`${url}/audit/checkpoint`, { headers: { authorization } })
    return Number((await answer.text()).split('\n')[1])
  }
  // A checkpoint is signed now and then.
  let [size, next] = [-1, await read()]
  while (size !== next) {
    await pause(SETTLED_MS)
    ;[size, next] = [next, await read()]
  }
  return size
}

function longestHold(path: string, from: number): number {
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean)
  const noted = lines.map((line) => line.split(' ').map(Number))
  return Math.max(0, ...noted.flatMap(([at = 0, , held = 0]) => (at >= from ? [held] : [])))
}

/** Until the first token of a request that began after the cure. */
function recoveryAfter(outcomes: readonly Outcome[], cured: number): number {
  const ends = outcomes.filter(({ began, status }) => began >= cured && status === 200)
  return Math.max(0, Math.min(...ends.map(({ ended }) => ended)) - cured)
}

function isToken({ asked, status }: Outcome): boolean {
  return asked === 'token' && status === 200
}

function toSection(measured: readonly Measured[]): Section {
  return {
    name: 'hsm',
    title: 'PKCS#11',
    rows: measured.map(toRow),
    goals: measured.flatMap(toGoals),
  }
}

function toRow(measured: Measured): Row {
  const { name, outcomes, heldMs, recoveryMs, moreEntries } = measured
  const { key, others } = outcomes
  const { before, after } = split(measured)
  return {
    fault: name,
    'HSM key: tokens': key.filter(isToken).length,
    'refused, with Retry-After': key.filter((one) => !isToken(one) && one.isRetryable).length,
    'lost or for good': countLost(key),
    'refused as': codesOf(key),
    'p99 of tokens, ms': percentile(key.filter(isToken), 99),
    'recovery, s': recoveryMs / 1000,
    'audit entries beyond tokens': moreEntries,
    'others: answers': others.length,
    'others: failed': countFailed(others),
    'others: p99 before, ms': percentile(before, 99),
    'others: p99 since, ms': percentile(after, 99),
    'loop held, ms': heldMs,
  }
}

function countLost(outcomes: readonly Outcome[]): number {
  return outcomes.filter((one) => !isToken(one) && !one.isRetryable).length
}

function codesOf(outcomes: readonly Outcome[]): string {
  const codes = new Set(outcomes.map(({ code }) => code).filter(Boolean))
  return [...codes].toSorted().join(' ')
}

function countFailed(outcomes: readonly Outcome[]): number {
  return outcomes.filter(({ status }) => status < 200 || status >= 300).length
}

/** What others got before the fault and since it began: what else the machine does changes from minute to minute. */
function split({ outcomes: { others }, faultAt }: Measured): {
  readonly before: readonly Outcome[]
  readonly after: readonly Outcome[]
} {
  return {
    before: others.filter(({ ended }) => ended < faultAt),
    after: others.filter(({ ended }) => ended >= faultAt),
  }
}

function toGoals(measured: Measured): Goal[] {
  const { name, outcomes, heldMs, recoveryMs } = measured
  const { key, others } = outcomes
  const { before, after } = split(measured)
  return [
    createGoal(`${name}: requests lost in silence`, countLost(key), { atMost: 0 }),
    createGoal(`${name}: failed requests of others`, countFailed(others), { atMost: 0 }),
    createGoal(
      `${name}: p99 of others, times that before`,
      percentile(after, 99) / percentile(before, 99),
      { atMost: 2 },
    ),
    createGoal(`${name}: loop held, ms`, heldMs, { atMost: 50 }),
    createGoal(`${name}: recovery, s`, recoveryMs / 1000, { atMost: 5 }),
  ]
}
