/** Network, timers and chance of a command. */
import type { Runtime } from '../src/basics/runtime.ts'
import type { CommandEnvironment } from './command.ts'

/** Makes the runtime of a command: the machine's own, where the context names none. */
export async function createCommandRuntime({ context }: CommandEnvironment): Promise<Runtime> {
  const { createRuntime } = await import('../src/basics/runtime.ts')
  const { fetch, pause, now } = context
  return { ...createRuntime(() => now().getTime()), fetch, ...(pause && { pause }) }
}
