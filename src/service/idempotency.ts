/**
 * `Idempotency-Key`: the same caller, key and request get the same answer, so a retry after a lost answer
 * never makes a second signature.
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { untilCancelled } from '../cancellation.ts'
import { CountersignError } from '../errors.ts'
import type { RememberedAnswer } from '../store/store.ts'
import type { ServiceContext } from './context.ts'
import { callerId, callerOf } from './request.ts'

type IdempotencyContext = Pick<ServiceContext, 'now' | 'settings' | 'store'>

/** Answers requests at most once for each Idempotency-Key. */
export interface Idempotency {
  /**
   * Does the work, sends its answer and remembers it, or sends the answer that is remembered. Without the header
   * the work is simply done. Failures are not remembered: a retry may do better.
   *
   * @throws {@link CountersignError} ERR_REQUEST_INVALID — the header is malformed; ERR_IDEMPOTENCY_CONFLICT
   * — its key was used for another request; ERR_STATE_CONFLICT — another replica works on it now; and
   * the errors of the work
   */
  once<Answer extends object>(
    request: FastifyRequest,
    reply: FastifyReply,
    work: () => Promise<Answer>,
  ): Promise<void>
}

/** Callers choose it, so it is attacker-controlled: bounded, printable. */
const KEY_FORM = /^[\x21-\x7e]{1,128}$/

interface Attempt {
  readonly caller: string
  readonly key: string
  readonly requestSha256: string
}

/** Makes the memory of one service. */
export function createIdempotency({ now, settings, store }: IdempotencyContext): Idempotency {
  /** Attempts of this replica that are under way, by caller and key; each removes itself. */
  const running = new Map<string, { requestSha256: string; answer: Promise<RememberedAnswer> }>()

  async function answer(attempt: Attempt, work: () => Promise<object>): Promise<RememberedAnswer> {
    const { caller, key, requestSha256 } = attempt
    const locked = await store.withLock(lockName(attempt), async () => {
      const known = await store.transaction(({ answers }) => answers.findAnswer(caller, key, now()))
      if (known !== undefined) return known
      const made = { requestSha256, status: 200, body: JSON.stringify(await work()) }
      return remember(attempt, made)
    })
    if (locked !== undefined) return locked
    throw new CountersignError('ERR_STATE_CONFLICT', 'the same request is being answered already', {
      hint: 'wait a moment, then send it again with the same Idempotency-Key',
    })
  }

  /** Keeps an answer, and tells which one counts: whoever lost the lock unawares may not have been alone. */
  async function remember(
    { caller, key }: Attempt,
    made: RememberedAnswer,
  ): Promise<RememberedAnswer> {
    const start = now()
    const expires = new Date(start.getTime() + settings.idempotencySeconds * 1000)
    return store.transaction(async ({ answers }) => {
      const isKept = await answers.putAnswer(caller, key, made, { now: start, expires })
      const earlier = isKept ? undefined : await answers.findAnswer(caller, key, start)
      return earlier ?? made
    })
  }

  function join(attempt: Attempt, work: () => Promise<object>): Promise<RememberedAnswer> {
    const id = lockName(attempt)
    const other = running.get(id)
    if (other !== undefined) return other.answer
    const mine = answer(attempt, work).finally(() => running.delete(id))
    running.set(id, { requestSha256: attempt.requestSha256, answer: mine })
    return mine
  }

  return {
    once: async (request, reply, work) => {
      const attempt = readAttempt(request)
      if (attempt === undefined) {
        await reply.send(await work())
        return
      }
      const { status, body, requestSha256 } = await untilCancelled(
        join(attempt, work),
        request.deadline,
      )
      if (requestSha256 !== attempt.requestSha256) throw usedBefore()
      await reply.status(status).type('application/json; charset=utf-8').send(body)
    },
  }
}

function readAttempt(request: FastifyRequest): Attempt | undefined {
  const key = request.headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key !== 'string' || !KEY_FORM.test(key)) {
    throw new CountersignError('ERR_REQUEST_INVALID', 'the Idempotency-Key is malformed', {
      hint: 'give one key of up to 128 visible ASCII characters, such as a UUID',
      details: { path: '' },
    })
  }
  const { bodySha256 = '', method, url } = request
  const requestSha256 = sha256(JSON.stringify([method, url, bodySha256]))
  return { caller: callerId(callerOf(request)), key, requestSha256 }
}

function usedBefore(): CountersignError {
  return new CountersignError(
    'ERR_IDEMPOTENCY_CONFLICT',
    'this Idempotency-Key was used for another request',
    { hint: 'use a new key for every request that is not a retry' },
  )
}

function lockName({ caller, key }: Attempt): string {
  return `answer:${sha256(JSON.stringify([caller, key]))}`
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
