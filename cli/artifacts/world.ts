/** What work on artifacts takes from a command: its clock and input, and the terminal for what it has to say. */
import type { ArtifactWorld } from '../../src/artifacts/world.ts'
import type { CommandEnvironment } from '../command.ts'
import { withProgress } from '../terminal/progress.ts'

/** Makes the world of artifacts from that of a command. */
export function toArtifactWorld(environment: CommandEnvironment): ArtifactWorld {
  const { context, terminal } = environment
  const { now, signal, stdin } = context
  return {
    now,
    signal,
    stdin,
    watch: (chunks, reading) => withProgress(chunks, environment, reading),
    report: (note) => {
      terminal.detail(note)
    },
    warn: (warning) => {
      terminal.say(`warning: ${warning}`)
    },
  }
}
