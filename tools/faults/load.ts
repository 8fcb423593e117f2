/** Callers of a service while a backend of it is at fault: some of the key behind it, others of everything else. */
import { setTimeout as pause } from 'node:timers/promises'

/** A service under load. */
export interface Target {
  readonly url: string
  readonly authorization: string
  /** Key whose backend is put at fault. */
  readonly key: string
  /** Key whose backend is not. */
  readonly otherKey: string
}

/** One request: when it began and ended, in milliseconds of `performance.now()`, and what came of it. */
export interface Outcome {
  readonly asked: 'token' | 'page'
  readonly began: number
  readonly ended: number
  /** 0: no answer. */
  readonly status: number
  /** Code of the error, if it is one. */
  readonly code: string
  readonly isRetryable: boolean
}

/** What happened to each kind of request. */
export interface Outcomes {
  readonly key: readonly Outcome[]
  readonly others: readonly Outcome[]
}

const WORKERS = 8
/** Between two requests of a caller, so that refusals do not become an attack. */
const PAUSE_MS = 10
const DEADLINE_MS = 60_000

const ORDER = JSON.stringify({
  audience: 'https://api.example.com',
  lifetimeSeconds: 300,
  claims: { sub: 'user-4711' },
})

interface Caller {
  readonly asked: Outcome['asked']
  readonly send: (signal: AbortSignal) => Promise<Response>
}

/** Keeps a service busy until the work is done. */
export async function runLoad(target: Target, during: () => Promise<void>): Promise<Outcomes> {
  const stop = new AbortController()
  const [key, others]: [Outcome[], Outcome[]] = [[], []]
  const issue = issuing(target, target.key)
  const callers = Array.from({ length: WORKERS }, () => repeat(issue, key, stop.signal))
  const rest = [
    issuing(target, target.otherKey),
    reading(`${target.url}/.well-known/jwks.json`),
    reading(`${target.url}/healthz`),
  ]
  callers.push(...rest.map((caller) => repeat(caller, others, stop.signal)))
  try {
    await during()
  } finally {
    stop.abort()
  }
  await Promise.all(callers)
  return { key, others }
}

function issuing({ url, authorization }: Target, key: string): Caller {
  const headers = { authorization, 'content-type': 'application/json' }
  return {
    asked: 'token',
    send: (signal) =>
      fetch(`${url}/v1/keys/${key}/tokens`, { method: 'POST', headers, body: ORDER, signal }),
  }
}

function reading(url: string): Caller {
  return { asked: 'page', send: (signal) => fetch(url, { signal }) }
}

/** Every request that is begun is waited for: one without an answer is lost. */
async function repeat(caller: Caller, outcomes: Outcome[], stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    outcomes.push(await attempt(caller))
    await pause(PAUSE_MS)
  }
}

async function attempt({ asked, send }: Caller): Promise<Outcome> {
  const began = performance.now()
  try {
    const answer = await send(AbortSignal.timeout(DEADLINE_MS))
    const text = await answer.text()
    const code = answer.ok ? '' : (/"code":"(\w+)"/.exec(text)?.[1] ?? 'unknown')
    const isRetryable = answer.headers.has('retry-after')
    const ended = performance.now()
    return { asked, began, ended, status: answer.status, code, isRetryable }
  } catch {
    const ended = performance.now()
    return { asked, began, ended, status: 0, code: 'no answer', isRetryable: false }
  }
}

/** The value that so many of 100 do not exceed. */
export function percentile(outcomes: readonly Outcome[], percent: number): number {
  const times = outcomes.map(({ began, ended }) => ended - began).toSorted((a, b) => a - b)
  return times[Math.min(times.length - 1, Math.floor((times.length * percent) / 100))] ?? 0
}
