/**
 * What the process of a module may answer: its memory is that of the module, so nothing of it is taken on trust.
 *
 * @packageDocumentation
 */
import { isAlgorithmName } from '../../../crypto/algorithms.ts'
import type { AnswerOf, CallName } from '../calls.ts'
import { malformedMessage } from '../protocol/plain-error.ts'

const CHECKS: Readonly<Record<CallName, (answer: unknown) => boolean>> = {
  loadModule: isNull,
  findToken: isText,
  logIn: isNull,
  describe: isPublicKey,
  open: (answer) => isPublicKey(answer) && hasName(answer),
  sign: isBytes,
  create: isBytes,
  importParameters: isWrappingKey,
  importMaterial: isBytes,
  destroy: isNull,
  keepAlive: isNull,
}

/**
 * Makes sure that an answer is one to its call.
 *
 * @throws {@link CountersignError} ERR_PROVIDER_FAULT — it is not
 */
export function assertAnswer<Name extends CallName>(
  name: Name,
  answer: unknown,
): asserts answer is AnswerOf<Name> {
  if (!CHECKS[name](answer)) throw malformedMessage(`unexpected answer to ${name}`)
}

function isNull(value: unknown): boolean {
  return value === null
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

function isBytes(value: unknown): boolean {
  return value instanceof Uint8Array
}

function isPublicKey(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  if (!('spki' in value) || !('algorithm' in value)) return false
  const { spki, algorithm } = value
  return isBytes(spki) && typeof algorithm === 'string' && isAlgorithmName(algorithm)
}

function isWrappingKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return (
    'wrappingKey' in value && isBytes(value.wrappingKey) && 'token' in value && isBytes(value.token)
  )
}

function hasName(value: object): boolean {
  const { object, id }: { object?: unknown; id?: unknown } = value
  return (object === undefined || isText(object)) && (id === undefined || isBytes(id))
}
