/** Attacks by callers without any permission, and how another caller fares meanwhile. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { digestOf } from '../../src/crypto/digest.ts'
import { encodeTimestampRequest } from '../../src/timestamp/request.ts'
import { createGoal, type Goal, type Row, type Section } from '../report.ts'
import type { Attack, AttackBody, AttackResult } from './attack-client.ts'
import { startCallers } from './callers.ts'
import { type Deployment, KEYS, startDeployment } from './deployment.ts'
import type { OpenLoopResult } from './open-loop.ts'
import { residentMiB } from './server-process.ts'
import { toLoad } from './throughput.ts'
import { TOKENS } from './workloads.ts'

const CLIENT = resolve(import.meta.dirname, 'attack-client.ts')
const OTHER_CALLER = resolve(import.meta.dirname, 'open-loop.ts')
const PROBE = resolve(import.meta.dirname, 'loop-probe.ts')
const CONNECTIONS = 100
/** What the other caller asks for meanwhile. */
const REQUESTS_PER_SECOND = 50
const run = promisify(execFile)

type Scenario = Pick<Attack, 'path' | 'contentType' | 'body'> & {
  readonly name: string
  readonly tokens: 'of callers without a permission' | 'made up' | 'none'
}

const ATTESTATIONS = `/v1/keys/${KEYS.plain}/attestations`
const VERIFICATIONS = '/v1/verifications'
const JSON_TYPE = 'application/json'
/** 5.5 million empty objects: 16.5 MB. */
const MILLIONS = body(['{"predicate":[', '{},'.repeat(50_000), 110, '{}]}'])
const LARGEST = body(['{"bundle":{"a":[', `{"b":"${'x'.repeat(12)}"},`.repeat(500), 45, '{}]}}'])
const SLOW = body(['{', ' ', 10_000, '}'], 1000)

const SCENARIOS: readonly Scenario[] = [
  scenario('none', '', body(['', '', 0, ''])),
  scenario('empty objects to be attested', ATTESTATIONS, MILLIONS),
  scenario('empty objects to be verified', VERIFICATIONS, MILLIONS),
  scenario('largest bundles to be verified', VERIFICATIONS, LARGEST),
  scenario('slow bodies to be attested', ATTESTATIONS, SLOW),
  scenario('slow bodies to be verified', VERIFICATIONS, SLOW),
  { ...scenario('empty objects to no route', '/v1/nothing', MILLIONS), tokens: 'none' },
  { ...scenario('made-up tokens', ATTESTATIONS, body(['{}', '', 0, ''])), tokens: 'made up' },
  scenario('small requests that are denied', ATTESTATIONS, body(['{}', '', 0, ''])),
  {
    ...scenario('time stamps', '/v1/timestamps', {
      ...body(['', '', 0, '']),
      first: Buffer.from(
        encodeTimestampRequest(digestOf(Buffer.from('bench')), randomBytes(8)),
      ).toString('base64'),
    }),
    contentType: 'application/timestamp-query',
    tokens: 'none',
  },
]

type Pieces = readonly [first: string, middle: string, times: number, last: string]

function body([first, middle, times, last]: Pieces, pauseMs = 0): AttackBody {
  const encode = (text: string): string => Buffer.from(text).toString('base64')
  return { first: encode(first), middle: encode(middle), times, last: encode(last), pauseMs }
}

function scenario(name: string, path: string, sent: AttackBody): Scenario {
  return {
    name,
    path,
    body: sent,
    contentType: JSON_TYPE,
    tokens: 'of callers without a permission',
  }
}

/** Each attack for so many seconds, from 100 connections that start together. */
export async function measureOverload(seconds: number): Promise<Section> {
  await using resources = new AsyncDisposableStack()
  const callers = resources.use(await startCallers())
  const identities = {
    permitted: await callers.tokens(1),
    others: await callers.tokens(CONNECTIONS, { repository_id: '6', repository_owner_id: '6' }),
  }
  const rows: Row[] = []
  const goals: Goal[] = []
  for (const attack of SCENARIOS) {
    const measured = await measureAttack(attack, { callers, identities, seconds })
    rows.push({ attack: attack.name, ...measured })
    const what = (name: string): string => `service, ${name}: ${attack.name}`
    goals.push(
      createGoal(what('failures of another caller'), measured.failed, { atMost: 0 }),
      createGoal(what('p99 ms of another caller'), measured['p99 ms'], { atMost: 1000 }),
      createGoal(what('longest hold of the loop, ms'), measured['loop held ms'], { atMost: 50 }),
      createGoal(what('peak resident MiB'), measured['resident MiB'], { atMost: 512 }),
    )
  }
  const title = `Overload: ${CONNECTIONS} connections of callers without a permission, ${seconds} s each`
  return { name: 'service-overload', title, rows, goals }
}

interface Surroundings {
  readonly callers: Parameters<typeof startDeployment>[0]['callers']
  readonly identities: { readonly permitted: readonly string[]; readonly others: readonly string[] }
  readonly seconds: number
}

interface Measured extends Row {
  readonly failed: number
  readonly 'p99 ms': number
  readonly 'loop late ms': number
  readonly 'loop held ms': number
  readonly 'resident MiB': number
}

/** A process of its own for each attack, so that none profits or suffers from the one before. */
async function measureAttack(
  attack: Scenario,
  { callers, identities, seconds }: Surroundings,
): Promise<Measured> {
  const delays = join(
    process.env['TMPDIR'] ?? '/tmp',
    `countersign-loop-${randomBytes(6).toString('hex')}`,
  )
  writeFileSync(delays, '')
  const env = { NODE_OPTIONS: `--import ${PROBE}`, BENCH_LOOP_DELAYS: delays }
  await using deployment = await startDeployment({ processes: 1, callers, env })
  // The first requests compile what the others run.
  await runOtherCaller(deployment, identities.permitted, 2)
  const begin = Date.now()
  const peak = watchMemory(deployment)
  const [fared, answered] = await Promise.all([
    runOtherCaller(deployment, identities.permitted, seconds),
    runAttack(attack, deployment, { others: identities.others, seconds }),
  ])
  const resident = await peak()
  return {
    'answers to the attack': describeAnswers(answered),
    requests: fared.sent,
    failed: fared.failures,
    'p50 ms': fared.p50Ms,
    'p99 ms': fared.p99Ms,
    ...longestDelays(delays, begin),
    'resident MiB': Math.round(resident),
  }
}

async function runOtherCaller(
  deployment: Deployment,
  identities: readonly string[],
  seconds: number,
): Promise<OpenLoopResult> {
  const { addresses, requestsPath } = toLoad(TOKENS, deployment, identities)
  const load = { addresses, requestsPath, requestsPerSecond: REQUESTS_PER_SECOND, seconds }
  const { stdout } = await run(process.execPath, [OTHER_CALLER, JSON.stringify(load)])
  return JSON.parse(stdout) as OpenLoopResult
}

async function runAttack(
  { name, tokens, ...sent }: Scenario,
  { addresses: [address = ''], folder }: Deployment,
  { others, seconds }: { readonly others: readonly string[]; readonly seconds: number },
): Promise<AttackResult> {
  if (name === 'none') return {}
  const kinds = { 'of callers without a permission': others, 'made up': ['made-up'], none: [] }
  const attack: Attack = {
    ...sent,
    address,
    seconds,
    connections: CONNECTIONS,
    tokens: kinds[tokens],
  }
  const file = join(folder, 'attack.json')
  writeFileSync(file, JSON.stringify(attack))
  const { stdout } = await run(process.execPath, [CLIENT, file])
  return JSON.parse(stdout) as AttackResult
}

/** Looks at the memory of a process ten times a second; answers the most that was seen. */
function watchMemory({ processes }: Deployment): () => Promise<number> {
  const over = new AbortController()
  let peak = 0
  const watching = (async () => {
    while (!over.signal.aborted) {
      for (const server of processes) peak = Math.max(peak, residentMiB(server))
      await wait(100)
    }
  })()
  return async () => {
    over.abort()
    await watching
    return peak
  }
}

function longestDelays(
  path: string,
  begin: number,
): Pick<Measured, 'loop late ms' | 'loop held ms'> {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  const notes = lines.map((line) => line.split(' ').map(Number))
  const during = notes.filter(([time = 0]) => time > begin)
  return {
    'loop late ms': Math.max(0, ...during.map(([, late = 0]) => late)),
    'loop held ms': Math.max(0, ...during.map(([, , held = 0]) => held)),
  }
}

function describeAnswers(answers: AttackResult): string {
  const listed = Object.entries(answers).map(
    ([status, count]) => `${status === '0' ? 'cut off' : status}: ${count}`,
  )
  return listed.join(', ') || 'none'
}
