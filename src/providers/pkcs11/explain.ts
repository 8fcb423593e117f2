/**
 * Errors of modules and tokens with their cause. The place of an error knows what happened; what to do about it is
 * written here, with what the key reference states.
 *
 * @packageDocumentation
 */
import { open } from 'node:fs/promises'
import { CountersignError } from '../../errors.ts'
import { causeDetails } from '../cause.ts'
import type { TokenCaller } from './calls.ts'
import type { TokenFacts, TokenFailure } from './causes/cause.ts'
import { findTokenCause } from './causes/table.ts'
import type { Pkcs11Uri } from './uri.ts'

/** `e_machine` of ELF files, by `process.arch`. */
const ELF_MACHINES: Readonly<Record<string, number>> = {
  arm: 40,
  arm64: 183,
  ia32: 3,
  loong64: 258,
  ppc64: 21,
  riscv64: 243,
  s390x: 22,
  x64: 62,
}

/** Makes calls whose errors name their cause and its cure. */
export function explaining(caller: TokenCaller): TokenCaller {
  return {
    call: async (name, request, signal) => {
      try {
        return await caller.call(name, request, signal)
      } catch (error) {
        throw await explain(error, 'uri' in request ? request.uri : {})
      }
    },
    [Symbol.asyncDispose]: () => caller[Symbol.asyncDispose](),
  }
}

/** Names the cause of an error and its cure; an error of none of them passes as it is. */
export async function explain(
  thrown: unknown,
  { modulePath, token }: Pick<Pkcs11Uri, 'modulePath' | 'token'>,
): Promise<unknown> {
  if (!CountersignError.is(thrown)) return thrown
  const { message, hint, reason, details, retryAfterSeconds } = thrown
  const returnValue = textOf(details['returnValue'])
  const facts: TokenFacts = { modulePath, token, hint, returnValue }
  const failure = await toFailure(thrown, returnValue, modulePath)
  const cause = findTokenCause(failure, facts)
  if (cause === undefined) return thrown
  return new CountersignError(cause.code, message, {
    hint: cause.cure(facts),
    reason,
    retryAfterSeconds,
    details: { ...details, ...causeDetails(cause) },
    cause: thrown.cause,
  })
}

async function toFailure(
  { message, details }: CountersignError,
  returnValue: string | undefined,
  modulePath: string | undefined,
): Promise<TokenFailure> {
  const fault = textOf(details['fault'])
  const cause = textOf(details['cause']) ?? (fault === undefined ? '' : `module-${fault}`)
  const isLoading = cause === 'module-unloadable' && modulePath !== undefined
  const isForeign = isLoading && (await isForForeignMachine(modulePath))
  return { cause, value: Number(returnValue ?? 0), message, isForeign }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Of a library for another machine, the linker of some systems says that there is no such file. */
async function isForForeignMachine(path: string): Promise<boolean> {
  const expected = ELF_MACHINES[process.arch]
  try {
    await using file = await open(path)
    const { buffer } = await file.read(Buffer.alloc(20), 0, 20, 0)
    const isElf = buffer.toString('latin1', 0, 4) === '\u007fELF'
    const isLittleEndian = buffer[5] === 1
    const machine = isLittleEndian ? buffer.readUInt16LE(18) : buffer.readUInt16BE(18)
    return isElf && expected !== undefined && machine !== expected
  } catch {
    // What is not readable is found otherwise.
    return false
  }
}
