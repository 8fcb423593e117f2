/** A service whose key is in AWS KMS, while KMS (a double of it) throttles, fails or is away. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { CLI } from '../../bench/built-cli.ts'
import { createGoal, type Goal, type Row, type Section } from '../../bench/report.ts'
import { startServerProcess } from '../../bench/service/server-process.ts'
import { type KmsDouble, startKmsDouble } from '../../test/support/kms/double.ts'
import { kmsEnvironment } from '../../test/support/kms/environment.ts'
import { AWS_QUOTAS, type KmsQuotas } from '../../test/support/kms/quota.ts'
import { seededRandom } from '../../test/support/seeded-random.ts'
import { writeServiceFolder } from '../../test/support/service-folder.ts'
import { createTempFolder } from './folder.ts'
import { type Outcome, type Outcomes, percentile, runLoad, type Target } from './load.ts'

const QUIET_MS = 3000
const FAULT_MS = 10_000
const AFTER_MS = 5000
const [FIRST, SECOND] = ['eu-west-1', 'eu-central-1'] as const
const THROTTLED = { kind: 'error', name: 'ThrottlingException' } as const
const FAILED = { kind: 'error', name: 'KMSInternalException', status: 500 } as const

interface Scenario {
  readonly name: string
  /** Puts KMS at fault; what it returns puts it right. */
  readonly begin: (double: KmsDouble) => Promise<() => unknown> | (() => unknown)
  /** Of the requests, while the fault lasts. */
  readonly leastDelivered: number
  readonly mostCalls?: number
}

const share =
  (...shares: readonly (readonly [number, typeof THROTTLED | typeof FAILED])[]) =>
  (double: KmsDouble): (() => void) => {
    for (const [part, fault] of shares) double.failShare('Sign', part, fault)
    return double.reset
  }

const SCENARIOS: readonly Scenario[] = [
  { name: 'none', begin: () => () => undefined, leastDelivered: 1, mostCalls: 1.05 },
  { name: '20 % throttled', begin: share([0.2, THROTTLED]), leastDelivered: 0.999, mostCalls: 1.3 },
  { name: '50 % throttled', begin: share([0.5, THROTTLED]), leastDelivered: 0.999, mostCalls: 2.2 },
  { name: '30 % fail', begin: share([0.3, FAILED]), leastDelivered: 0.999 },
  {
    name: '50 % throttled, 30 % fail',
    begin: share([0.5, THROTTLED], [0.6, FAILED]),
    leastDelivered: 0.999,
  },
  { name: 'connections refused for 10 s', begin: (double) => double.refuse(), leastDelivered: 0 },
  {
    name: 'no answer for 10 s',
    begin: (double) => {
      double.fail('Sign', { kind: 'hang' })
      return double.reset
    },
    leastDelivered: 0,
  },
  {
    name: 'first of two regions down',
    begin: (double) => {
      double.failRegion(FIRST, { kind: 'cut', when: 'before' })
      return double.reset
    },
    leastDelivered: 0.999,
  },
  {
    name: 'first of two regions silent',
    begin: (double) => {
      double.failRegion(FIRST, { kind: 'hang' })
      return double.reset
    },
    leastDelivered: 0.999,
  },
]

/**
 * Measures scenarios, each with a service of its own.
 *
 * @param fault - only those with this in their name
 */
export async function measureKms(fault = ''): Promise<Section> {
  const measured: Measured[] = []
  for (const scenario of SCENARIOS.filter(({ name }) => name.includes(fault))) {
    console.error(`measuring: ${scenario.name}`)
    measured.push(await measureScenario(scenario))
  }
  console.error('measuring: a polite caller')
  const polite = await measurePolite()
  return {
    name: 'kms',
    title: 'AWS KMS (a double of it)',
    rows: measured.map(toRow),
    goals: [...measured.flatMap(toGoals), polite],
  }
}

interface Measured {
  readonly scenario: Scenario
  readonly outcomes: Outcomes
  /** Those of the key that were under way during the fault. */
  readonly faulty: readonly Outcome[]
  readonly callsPerToken: number
  readonly recoveryMs: number
}

interface Started extends AsyncDisposable {
  readonly double: KmsDouble
  readonly target: Target
}

async function start(quotas?: KmsQuotas): Promise<Started> {
  await using stack = new AsyncDisposableStack()
  const double = stack.use(
    await startKmsDouble({ random: seededRandom(5), ...(quotas !== undefined && { quotas }) }),
  )
  const place = createTempFolder()
  stack.defer(() => {
    rmSync(place, { recursive: true })
  })
  const provider = `awskms://${double.endpoint}/?regions=${FIRST},${SECOND}`
  const folder = writeServiceFolder({
    folder: place,
    keys: { kms: { use: 'token', provider }, file: { use: 'token' } },
    access: {
      staticTokens: [
        { name: 'greedy', token: 'env:COUNTERSIGN_TEST_TOKEN' },
        { name: 'polite', token: 'env:POLITE_TOKEN' },
      ],
    },
  })
  const service = await startServerProcess({
    command: process.execPath,
    args: [CLI, 'serve', '--config', folder.config, '--migrate'],
    env: {
      ...process.env,
      ...folder.env,
      ...kmsEnvironment(double.credentials),
      POLITE_TOKEN,
      ...(quotas !== undefined && { COUNTERSIGN_AWSKMS_ECC_QUOTA: String(quotas['ECC']) }),
    },
    logPath: join(place, 'log'),
  })
  stack.use(service)
  const { authorization } = folder
  const target = { url: service.address, authorization, key: 'kms', otherKey: 'file' }
  const started = stack.move()
  return { double, target, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

const POLITE_TOKEN = 'polite'.repeat(8)

async function measureScenario(scenario: Scenario): Promise<Measured> {
  await using started = await start()
  const { double, target } = started
  // The first requests compile what the others run.
  await runLoad(target, () => pause(QUIET_MS))
  let [began, cured, calls, before] = [0, 0, 0, 0]
  const outcomes = await runLoad(target, async () => {
    before = double.calls.get('Sign') ?? 0
    began = performance.now()
    const end = await scenario.begin(double)
    await pause(FAULT_MS)
    calls = (double.calls.get('Sign') ?? 0) - before
    await end()
    cured = performance.now()
    await pause(AFTER_MS)
  })
  const during = outcomes.key.filter((one) => one.ended >= began && one.began < cured)
  const delivered = during.filter(isToken).length
  return {
    scenario,
    outcomes,
    faulty: during,
    callsPerToken: calls / delivered,
    recoveryMs: recoveryAfter(outcomes.key, cured),
  }
}

/** A caller that asks for a tenth of the quota, beside eight connections of one that asks for all it can get. */
async function measurePolite(): Promise<Goal> {
  const quotas = { ...AWS_QUOTAS, ECC: 50 }
  const delivered: number[] = []
  for (const isAlone of [true, false]) {
    await using started = await start(quotas)
    const { target } = started
    const polite = { ...target, authorization: `Bearer ${POLITE_TOKEN}` }
    if (isAlone) delivered.push(await askPolitely(polite))
    else {
      await runLoad(target, async () => {
        await pause(QUIET_MS)
        delivered.push(await askPolitely(polite))
      })
    }
  }
  const [alone = 0, beside = 0] = delivered
  return createGoal(
    'a polite caller beside a greedy one: share of what it gets alone',
    beside / alone,
    {
      atLeast: 0.95,
    },
  )
}

async function askPolitely({ url, authorization, key }: Target): Promise<number> {
  const asked: Promise<number>[] = []
  const headers = { authorization, 'content-type': 'application/json' }
  const body = JSON.stringify({ audience: 'https://api.example.com' })
  for (let sent = 0; sent < 50; sent += 1) {
    const answer = fetch(`${url}/v1/keys/${key}/tokens`, { method: 'POST', headers, body })
    asked.push(answer.then(({ status }) => (status === 200 ? 1 : 0)))
    await pause(200)
  }
  return (await Promise.all(asked)).reduce<number>((sum, one) => sum + one, 0)
}

function recoveryAfter(outcomes: readonly Outcome[], cured: number): number {
  const ends = outcomes.filter((one) => one.began >= cured && isToken(one))
  return Math.max(0, Math.min(...ends.map(({ ended }) => ended)) - cured)
}

function isToken({ status }: Outcome): boolean {
  return status === 200
}

function isFailed({ status }: Outcome): boolean {
  return status < 200 || status >= 300
}

function toRow({ scenario, outcomes, faulty, callsPerToken, recoveryMs }: Measured): Row {
  const { others } = outcomes
  const tokens = faulty.filter(isToken)
  return {
    fault: scenario.name,
    'KMS key: requests': faulty.length,
    delivered: tokens.length / faulty.length,
    'refused, with Retry-After': faulty.filter((one) => !isToken(one) && one.isRetryable).length,
    'Sign calls per token': tokens.length === 0 ? '–' : callsPerToken,
    'p50, ms': percentile(tokens, 50),
    'p99, ms': percentile(tokens, 99),
    'recovery, s': recoveryMs / 1000,
    'others: failed': others.filter(isFailed).length,
    'others: p99, ms': percentile(others, 99),
  }
}

function toGoals({ scenario, outcomes, faulty, callsPerToken, recoveryMs }: Measured): Goal[] {
  const { name, leastDelivered, mostCalls } = scenario
  const lost = outcomes.key.filter((one) => !isToken(one) && !one.isRetryable).length
  const delivered = faulty.filter(isToken).length / faulty.length
  return [
    createGoal(`${name}: delivered`, delivered, { atLeast: leastDelivered }),
    ...(mostCalls === undefined
      ? []
      : [createGoal(`${name}: Sign calls per token`, callsPerToken, { atMost: mostCalls })]),
    createGoal(`${name}: requests lost in silence`, lost, { atMost: 0 }),
    createGoal(`${name}: failed requests of others`, outcomes.others.filter(isFailed).length, {
      atMost: 0,
    }),
    createGoal(`${name}: recovery, s`, recoveryMs / 1000, { atMost: 5 }),
  ]
}
