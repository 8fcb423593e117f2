/** What doctor finds about the clock: how far it is from that of a server, by its `Date` (RFC 9110 section 6.6.1). */
import { CountersignError } from '../../src/errors.ts'
import { networkError } from '../../src/oci/network-error.ts'
import type { Context } from '../context.ts'
import { type Finding, look } from './finding.ts'

/** Verifiers and token services take a difference of a minute; more makes trouble. */
const MAX_OFFSET_SECONDS = 60
const TIMEOUT_MS = 5000

/** The finding where there is no server to ask. */
export const UNKNOWN_CLOCK: Finding = {
  subject: 'clock',
  check: 'offset',
  status: 'unknown',
  found: 'nothing to compare it with',
  hint: 'name a server whose clock is right: --clock-url https://…',
}

/** Compares the clock with that of a server; a server that does not answer leaves it unknown. */
export async function checkClock(
  url: URL,
  context: Pick<Context, 'fetch' | 'now' | 'signal'>,
): Promise<Finding> {
  const offset = await readOffset(url, context)
  if (typeof offset !== 'number') return { ...UNKNOWN_CLOCK, found: offset.message }
  return look('clock', 'offset', () => {
    if (Math.abs(offset) <= MAX_OFFSET_SECONDS) {
      return Promise.resolve(`within ${Math.abs(offset) + 1} s of ${url.host}`)
    }
    const direction = offset > 0 ? 'behind' : 'ahead of'
    const found = `this machine is ${Math.abs(offset)} s ${direction} ${url.host}`
    const hint = 'set the clock of this machine (NTP): timedatectl set-ntp true'
    throw new CountersignError('ERR_CONFIG_INVALID', found, { hint })
  })
}

/** Whole seconds this clock is surely behind (above zero) or ahead (below) of the server's. */
async function readOffset(
  url: URL,
  { fetch, now, signal }: Pick<Context, 'fetch' | 'now' | 'signal'>,
): Promise<number | CountersignError> {
  const before = now().getTime()
  const answer = await fetch(url, {
    method: 'HEAD',
    redirect: 'manual',
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  }).catch((cause: unknown) => networkError(url, cause))
  if (answer instanceof CountersignError) return answer
  const after = now().getTime()
  const date = Date.parse(answer.headers.get('date') ?? '')
  if (Number.isNaN(date)) {
    return new CountersignError('ERR_NETWORK', `${url.host} does not tell the time`)
  }
  // The server read its clock between the two readings of ours, and cut off what is below a second.
  const behind = Math.floor((date - after) / 1000)
  const ahead = Math.floor((before - date - 999) / 1000)
  if (behind > 0) return behind
  return ahead > 0 ? -ahead : 0
}
