import { spawnSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import type { Row } from './report.ts'

/** What the figures were taken on; without it they mean nothing. */
export function describeMachine(): Row {
  const { node, openssl } = process.versions
  return {
    processor: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} cores`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${process.platform} ${process.arch}`,
    node: `v${node} (OpenSSL ${openssl})`,
    'openssl command': versionOf('openssl', ['version']),
    SoftHSM: versionOf('softhsm2-util', ['--version']),
    'load average before': loadavg()[0]?.toFixed(2) ?? 'unknown',
  }
}

function versionOf(command: string, args: readonly string[]): string {
  const run = spawnSync(command, args, { encoding: 'utf8' })
  return run.status === 0 ? run.stdout.trim() : 'not installed'
}
