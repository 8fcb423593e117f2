/** `countersign log export`, `countersign audit export`. */
import { exportLog as copyLog } from '../../src/log/export-log.ts'
import type { CommandEnvironment } from '../command.ts'
import type { Outcome } from '../context.ts'
import { createCounter } from './counter.ts'
import { type LogSourceFlags, openLog } from './source.ts'
import { schema } from '../render/json.ts'

/**
 * Saves a log of a service to a folder.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — a part is missing; ERR_FILE_WRITE; and those of
 * reading
 */
export async function exportLogCommand(
  folder: string,
  flags: LogSourceFlags & { readonly server: string },
  environment: CommandEnvironment,
): Promise<Outcome> {
  const { context, terminal } = environment
  const command = flags.isAudit === true ? 'audit' : 'log'
  const { source } = await openLog(undefined, flags, environment)
  const { origin, size } = await copyLog(source, folder, {
    onProgress: createCounter('saving', environment),
    signal: context.signal,
  })
  terminal.say(`saved ${size} entries to ${folder}`)
  terminal.say(`not verified; to verify it: countersign ${command} verify ${folder} --key KEY`)
  return {
    exitCode: 0,
    document: {
      schema: schema('log-export'),
      ok: true,
      exitCode: 0,
      isVerified: false,
      folder,
      origin,
      size,
    },
  }
}
