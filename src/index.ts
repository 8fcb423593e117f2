/**
 * The public library.
 *
 * @packageDocumentation
 */
export { CountersignError, ERROR_TRAITS, type ErrorCode } from './errors.ts'
