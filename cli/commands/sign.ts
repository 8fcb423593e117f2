/** `countersign sign`. */
import { Command } from '@commander-js/extra-typings'

/** Builds the command. */
export function createCommand(): Command {
  return new Command('sign')
}
