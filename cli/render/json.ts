/** Documents `--json` prints that belong to no single command. */
import type { CountersignError } from '../../src/errors.ts'
import { toErrorDocument } from '../../src/verification/result.ts'
import type { Outcome } from '../context.ts'

/** Where the forms of the documents are named. */
const SCHEMAS = 'https://countersign.dev/schemas'

/** Names the form of a command's document. */
export function schema(name: string): string {
  return `${SCHEMAS}/${name}/v1`
}

/** The document of a command that failed before it had one of its own. */
export function errorDocument(error: CountersignError): Outcome['document'] {
  const details = Object.keys(error.details).length === 0 ? {} : { details: error.details }
  return {
    schema: schema('error'),
    ok: false,
    exitCode: error.exitCode,
    error: { ...toErrorDocument(error), retryable: error.retryable, ...details },
  }
}
