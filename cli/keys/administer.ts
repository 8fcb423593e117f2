/** `countersign key list|rotate|activate|retire|revoke|destroy|import`, and `key show --server`. */
import { CountersignError } from '../../src/errors.ts'
import type { JsonObject, JsonValue } from '../../src/formats/json.ts'
import type { CommandEnvironment } from '../command.ts'
import type { Outcome } from '../context.ts'
import { type KeyServerFlags, openKeyServer } from './server.ts'
import { schema } from '../render/json.ts'
import { renderDone, renderPlan, renderServerKey } from '../render/server-key.ts'

/** Options of every change; those that a command has not are undefined. */
export interface AdministerFlags extends KeyServerFlags {
  readonly keyVersion?: number | undefined
  readonly force?: true | undefined
  readonly reason?: string | undefined
  readonly mode?: string | undefined
  readonly compromisedSince?: Date | undefined
  readonly cancel?: true | undefined
  readonly dryRun?: true | undefined
  readonly confirm?: string | undefined
}

/** What a command asks of a service. */
export interface Asked {
  readonly action: string
  /** What this command says beside its options. */
  readonly body?: JsonObject
  /** Whether it takes something away that does not come back. */
  readonly isDestructive?: boolean
}

/** Lists the keys of a service. */
export async function listKeys(
  flags: KeyServerFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const keys = await openKeyServer(flags, environment).list()
  const painter = environment.terminal.report
  return {
    exitCode: 0,
    document: {
      schema: schema('server-keys'),
      ok: true,
      exitCode: 0,
      keys: keys.map(({ json }) => json),
    },
    report: keys.map((key) => renderServerKey(key, painter)).join(''),
  }
}

/** Shows one key of a service. */
export async function showServerKey(
  name: string,
  flags: KeyServerFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const key = await openKeyServer(flags, environment).show(name)
  return {
    exitCode: 0,
    document: { schema: schema('server-key'), ok: true, exitCode: 0, key: key.json },
    report: renderServerKey(key, environment.terminal.report),
  }
}

/**
 * Changes a key of a service, or prints what that would do.
 *
 * @throws {@link CountersignError} ERR_USAGE — what can't be undone is not confirmed; and those of the
 * service
 */
export async function askServerForKey(
  name: string,
  asked: Asked,
  flags: AdministerFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const isDryRun = flags.dryRun === true
  if (asked.isDestructive === true && !isDryRun) assertConfirmed(name, asked, flags)
  const body = withoutAbsent({
    ...asked.body,
    version: flags.keyVersion,
    force: flags.force,
    reason: flags.reason,
    mode: flags.mode,
    compromisedSince: flags.compromisedSince?.toISOString(),
    cancel: flags.cancel,
  })
  const answer = await openKeyServer(flags, environment).ask(name, asked.action, body, isDryRun)
  const render = isDryRun ? renderPlan : renderDone
  return {
    exitCode: 0,
    document: { schema: schema('key-change'), ok: true, exitCode: 0, ...answer.json },
    report: render(name, answer, environment.terminal.report),
  }
}

function assertConfirmed(name: string, { action }: Asked, { confirm }: AdministerFlags): void {
  if (confirm === name) return
  throw new CountersignError('ERR_USAGE', `key ${action} can't be undone, and is not confirmed`, {
    hint: `see what it would do with --dry-run, then add --confirm=${name}`,
  })
}

function withoutAbsent(body: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  const present: Record<string, JsonValue> = {}
  for (const [name, value] of Object.entries(body)) {
    if (value !== undefined) present[name] = value
  }
  return present
}
