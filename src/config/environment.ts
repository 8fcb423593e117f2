/**
 * The process environment, read in this one place and passed down as a value.
 *
 * @packageDocumentation
 */

/** Environment variables by name; absent ones are undefined. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Reads the environment of this process, once. */
export function readEnvironment(): Environment {
  return { ...process.env }
}
