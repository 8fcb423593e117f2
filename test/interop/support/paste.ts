/** Commands to paste from a job summary, run as users do: by a shell, in a folder of theirs. */
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { COSIGN } from '../../../tools/interop/peers.ts'
import { putCommandInto } from '../../support/command-line.ts'
import type { Cosign } from './cosign.ts'
import { folderOf } from './needs.ts'
import { type Ended, run } from './run.ts'

/** The shell of a user who has cosign and countersign. */
export interface Shell {
  /** Runs every line of the commands, up to the first that fails. */
  readonly paste: (commands: string, place?: Place) => Promise<Ended>
}

/** Where commands are pasted. */
export interface Place {
  readonly folder?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Takes the commands out of a summary, to the letter. */
export function commandsOf(summary: string): string {
  const block = /```sh\n([\s\S]*?)\n```/.exec(summary)?.[1]
  if (block === undefined) throw new Error(`no commands in: ${summary}`)
  return block
}

/** Opens a shell in cosign's home, with both programs on its PATH. */
export function openShell({ folder: home }: Cosign): Shell {
  const bin = join(home, 'bin')
  putCommandInto(bin)
  symlinkSync(join(folderOf(COSIGN), 'cosign'), join(bin, 'cosign'))
  const own = { HOME: home, DOCKER_CONFIG: home, COUNTERSIGN_HOME: home }
  return {
    paste: (commands, { folder = home, env = {} } = {}) => {
      const path = `${bin}:${process.env['PATH'] ?? ''}`
      const script = 'set -e; cd "$0"; eval "$1"'
      return run('bash', ['-c', script, folder, commands], { ...own, ...env, PATH: path })
    },
  }
}
