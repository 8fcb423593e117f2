/**
 * Errors that cross a pipe.
 *
 * @packageDocumentation
 */
import {
  CountersignError,
  ERROR_REASONS,
  ERROR_TRAITS,
  type ErrorCode,
  type ErrorDetails,
  toCountersignError,
} from '../../../errors.ts'
import {
  type JsonObject,
  type JsonValue,
  type Malformed,
  type ObjectReader,
  readObject,
} from '../../../formats/json.ts'

/** What crosses of an error: everything but its cause. */
export function errorToJson(thrown: unknown): JsonObject {
  const { code, message, hint, reason, details } = toCountersignError(thrown)
  return {
    code,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(reason === undefined ? {} : { reason }),
    details: { ...details },
  }
}

/** Makes the error of a message that is not as agreed. */
export const malformedMessage: Malformed = (why) =>
  new CountersignError('ERR_PROVIDER_FAULT', `malformed message about a PKCS#11 module: ${why}`)

/**
 * Makes the error again.
 *
 * @throws {@link CountersignError} ERR_PROVIDER_FAULT — malformed
 */
export function errorFromJson(json: JsonValue | undefined): CountersignError {
  const given = readObject(json, malformedMessage, 'error')
  const code = given.text('code')
  if (!isErrorCode(code)) throw malformedMessage('unknown error code')
  const written = given.optionalText('reason')
  return new CountersignError(code, given.text('message'), {
    hint: given.optionalText('hint'),
    reason: ERROR_REASONS.find((reason) => reason === written),
    details: readDetails(given.object('details')),
  })
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_TRAITS, code)
}

function readDetails(given: ObjectReader): ErrorDetails {
  const entries = Object.entries(given.json).map(([name, value]) => {
    if (['string', 'number', 'boolean'].includes(typeof value)) return [name, value] as const
    throw malformedMessage('a detail is not a text, a number or a boolean')
  })
  return Object.fromEntries(entries) as ErrorDetails
}
