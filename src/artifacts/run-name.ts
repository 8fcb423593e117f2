/** Names for idempotency: what one run asks of a service is signed once, however often it is asked. */
import { createHash, randomUUID } from 'node:crypto'

const GITHUB_STEP = [
  'GITHUB_REPOSITORY_ID',
  'GITHUB_RUN_ID',
  'GITHUB_RUN_ATTEMPT',
  'GITHUB_JOB',
  'GITHUB_ACTION',
] as const

/** Names a run: the step of one attempt of a GitHub job, which can run again; elsewhere this process alone. */
export function nameRun(variables: Readonly<Record<string, string | undefined>>): string {
  const step = GITHUB_STEP.map((name) => variables[name] ?? '')
  return (variables['GITHUB_RUN_ID'] ?? '') === '' ? randomUUID() : JSON.stringify(step)
}

/** Names one request of a run: the same for the same content, different for any other. */
export function nameRequest(run: string, request: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify([run, request]))
    .digest('hex')
}
