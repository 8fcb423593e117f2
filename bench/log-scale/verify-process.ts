/**
 * Verifies one log of a server, in a process whose memory is all its own; prints what it found in JSON. Arguments
 * are the address, which log, and the log's key.
 *
 * @packageDocumentation
 */
import { readFileSync } from 'node:fs'
import { parseNoteKey } from '../../src/formats/note-key.ts'
import { openLogServer } from '../../src/log/http-source.ts'
import { verifyLog } from '../../src/log/verify-log.ts'
import { verifyTransparencyLog } from '../../src/log/verify-transparency.ts'

/** What a verification took. */
export interface Verification {
  readonly entries: number
  readonly seconds: number
  readonly cpuSeconds: number
  /** Peak resident memory. */
  readonly peakMiB: number
}

const [server = '', which = '', vkey = ''] = process.argv.slice(2)
const folder = which === 'audit' ? 'audit' : 'log'
const verify = which === 'audit' ? verifyLog : verifyTransparencyLog
const start = performance.now()
const before = process.cpuUsage()
const { checkpoint } = await verify({
  source: openLogServer(server, { fetch, folder }),
  log: { keys: [parseNoteKey(vkey)] },
})
const { system, user } = process.cpuUsage(before)
const peak = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
const verification: Verification = {
  entries: checkpoint.size,
  seconds: (performance.now() - start) / 1000,
  cpuSeconds: (system + user) / 1e6,
  peakMiB: Number(peak) / 1024,
}
console.log(JSON.stringify(verification))
