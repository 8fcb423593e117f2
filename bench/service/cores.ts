/** Processes kept to cores, by taskset of util-linux, so that a figure per core can be read. */
import { spawnSync } from 'node:child_process'

/** Lists of cores, as taskset takes them: `0`, `0-3`, `0,2`. */
export interface Cores {
  /** Of the servers that are measured. */
  readonly server: string
  /** Of what sends the load. */
  readonly client: string
}

const LIST = /^\d{1,4}(?:-\d{1,4})?(?:,\d{1,4}(?:-\d{1,4})?)*$/

/** One core for each side. */
export const ONE_CORE_EACH: Cores = { server: '0', client: '1' }

/** Whether taskset is here, and may use these cores. */
export function canPin({ client, server }: Cores): boolean {
  return [client, server].every(
    (list) => spawnSync('taskset', ['-c', list, 'true'], { stdio: 'ignore' }).status === 0,
  )
}

/**
 * Reads `SERVER:CLIENT`.
 *
 * @throws Error — it is malformed, or the processes cannot be kept to these cores
 */
export function parsePin(text: string): Cores {
  const [server = '', client = '', ...rest] = text.split(':')
  if (rest.length > 0 || !LIST.test(server) || !LIST.test(client))
    throw new Error(`--pin: expected cores of the servers and of the client, like 0:1, got ${text}`)
  const cores = { server, client }
  if (!canPin(cores)) throw new Error(`--pin ${text}: ${PIN_ADVICE}`)
  return cores
}

/** What to do where {@link canPin} says no. */
export const PIN_ADVICE =
  'taskset cannot use these cores; install util-linux, and check the cores with nproc'

/** The command that runs on a list of cores; without one, on all. */
export function onCores(
  list: string | undefined,
  command: string,
  args: readonly string[],
): { readonly command: string; readonly args: readonly string[] } {
  return list === undefined
    ? { command, args }
    : { command: 'taskset', args: ['-c', list, command, ...args] }
}

/** Which cores a row is of. */
export function describeCores(cores: Cores | undefined): string {
  return cores === undefined ? 'all, shared' : `server ${cores.server}, client ${cores.client}`
}
