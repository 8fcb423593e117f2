/** Closed-loop load by wrk, which spends little of the cores that it shares with what it measures. */
import { execFile, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { onCores } from './cores.ts'

/** Requests that are sent in turn, over and over, to each of some servers. */
export interface Load {
  /** `http://127.0.0.1:1234` of each server. */
  readonly addresses: readonly string[]
  /** Where `writeRequests` put them. */
  readonly requestsPath: string
  /** Connections, in all, each with one request under way. */
  readonly connections: number
  /** On which wrk runs; undefined: all. */
  readonly cores?: string | undefined
  /** Of the body of a good answer; a load with smaller ones has failed. */
  readonly answerBytes?: number | undefined
}

/** What was found under load. */
export interface LoadResult {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
}

interface Summary {
  readonly requests: number
  readonly microseconds: number
  readonly bytes: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly failures: number
}

const SCRIPT = resolve(import.meta.dirname, 'load.lua')
const run = promisify(execFile)

/** Share of a good answer's body: a signature is some bytes longer or shorter; headers come on top. */
const SMALLEST = 0.98

/** Whether wrk is here. */
export function isWrkInstalled(): boolean {
  // It has no way to be asked without a complaint.
  return spawnSync('wrk', ['--version']).error === undefined
}

/**
 * Sends requests for so many seconds, as fast as they are answered.
 *
 * @throws Error — a request failed, or was answered with 400 or above, or with less than a good answer has: a rate of
 * refusals tells nothing
 */
export async function applyLoad(load: Load, seconds: number): Promise<LoadResult> {
  const { addresses, connections, cores, requestsPath } = load
  const hosts = addresses.map(loopbackHost)
  const threads = String(hosts.length)
  const { command, args } = onCores(cores, 'wrk', [
    ...['-t', threads, '-c', String(connections), '-d', `${seconds}s`, '--timeout', '10s'],
    ...[
      '-s',
      SCRIPT,
      `http://${hosts[0] ?? ''}/`,
      '--',
      requestsPath,
      randomBytes(4).toString('hex'),
    ],
    ...(hosts.length > 1 ? hosts : []),
  ])
  const { stdout } = await run(command, args)
  const last = stdout.trim().split('\n').at(-1) ?? ''
  const summary = JSON.parse(last) as Summary
  if (summary.failures > 0) throw new Error(`${summary.failures} requests failed under load`)
  const bytes = summary.bytes / summary.requests
  if (bytes < SMALLEST * (load.answerBytes ?? 0))
    throw new Error(`answers under load have ${bytes} bytes, a good one ${load.answerBytes}`)
  return {
    requestsPerSecond: (summary.requests / summary.microseconds) * 1_000_000,
    p50Ms: summary.p50 / 1000,
    p95Ms: summary.p95 / 1000,
    p99Ms: summary.p99 / 1000,
  }
}

/** Load goes to this machine and nowhere else. */
function loopbackHost(address: string): string {
  const { host, hostname } = new URL(address)
  if (hostname !== '127.0.0.1') throw new Error(`${hostname} is not loopback`)
  return host
}
