/** The two logs of a service, as everything that is about both calls them. */

/** Both, the one whose head is the lock of both first. */
export const LOG_ROLES = ['audit', 'transparency'] as const

/** Which of the two. */
export type LogRole = (typeof LOG_ROLES)[number]

/** A name that the transparency log had before. */
export interface EarlierLogName {
  readonly origin: string
  /** When it got another one: no checkpoint has it that was signed later. */
  readonly until: Date
}

/** The origins in the checkpoints of the logs, for ever. */
export interface LogNames extends Readonly<Record<LogRole, string>> {
  /** Of the transparency log: a host name, since verifiers of Sigstore compare it with that of the log's address. */
  readonly transparency: string
  readonly audit: string
}
