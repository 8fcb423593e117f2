/** The command line of OpenSSL, for what its libraries in other languages do not judge: time stamps. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Confirmer, Task } from './confirm.ts'
import { rootCertificate } from './time-stamps.ts'

/** `openssl ts -verify`, at the time that a stamp gives. */
export function openssl(): Confirmer {
  const [, version = ''] = execFileSync('openssl', ['version'], { encoding: 'utf8' }).split(' ')
  return {
    name: 'openssl',
    version: `OpenSSL ${version}`,
    judge: (tasks) => {
      const folder = mkdtempSync(join(tmpdir(), 'stamps-'))
      try {
        const root = rootCertificate().toString('base64')
        const pem = `-----BEGIN CERTIFICATE-----\n${root.replaceAll(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
        writeFileSync(join(folder, 'root.pem'), pem)
        return Promise.resolve(
          tasks.map((task) => (task.kind === 'time-stamp' ? judgeStamp(folder, task) : null)),
        )
      } finally {
        rmSync(folder, { recursive: true })
      }
    },
  }
}

/** OpenSSL judges the certificate at the time it is given, not at that of the stamp. */
function judgeStamp(folder: string, task: Task): boolean {
  const [data, response, time] = ['data', 'response', 'time'].map((member) => String(task[member]))
  const file = join(folder, 'response')
  writeFileSync(file, Buffer.from(response ?? '', 'base64'))
  const at = String(Date.parse(time ?? '') / 1000)
  const trust = ['-CAfile', join(folder, 'root.pem'), '-attime', at]
  return (
    spawnSync('openssl', ['ts', '-verify', '-digest', data ?? '', '-in', file, ...trust]).status ===
    0
  )
}
