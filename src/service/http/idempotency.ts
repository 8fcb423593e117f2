/**
 * `Idempotency-Key`: the same caller, key and request get the same answer, so a retry after a lost answer
 * never makes a second signature.
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { untilCancelled } from '../../basics/cancellation.ts'
import { CountersignError } from '../../errors.ts'
import { type JsonValue, parseJson } from '../../formats/json.ts'
import type { PlacedAnswer } from '../../log/appender.ts'
import { answeredBefore } from '../../log/group-appender.ts'
import type { RememberedAnswer } from '../../store/store.ts'
import type { ServiceContext } from '../context.ts'
import type { Request } from '../operations/release.ts'
import { callerId, callerOf } from './request.ts'

type IdempotencyContext = Pick<ServiceContext, 'now' | 'settings' | 'store'>

/** How a request is answered, at first and again. */
export interface Answering<Answer> {
  /** Does the work; `kept` is what its releases are kept under, if they are. */
  readonly answer: (kept: Pick<Request, 'attempt' | 'keeping'>) => Promise<Answer>
  /** What is kept of an answer that was not kept with its entry; undefined: nothing, so that a retry does the work again. */
  readonly keep: (answer: Answer) => readonly object[] | undefined
  /** Answers with what was kept: authorizes its caller again, and believes nothing that the log does not prove. */
  readonly replay: (kept: JsonValue, attempt: string) => Promise<Answer>
}

/** Answers requests at most once for each Idempotency-Key. */
export interface Idempotency {
  /**
   * Does the work, sends its answer and keeps what it released, or answers again with what was kept. Without the
   * header the work is simply done. Failures are not kept: a retry may do better.
   *
   * @throws {@link CountersignError} ERR_REQUEST_INVALID — the header is malformed; ERR_IDEMPOTENCY_CONFLICT
   * — its key was used for another request; ERR_STATE_CONFLICT — another replica works on it now; and
   * the errors of the work and of the replay
   */
  once<Answer extends object>(
    request: FastifyRequest,
    reply: FastifyReply,
    answering: Answering<Answer>,
  ): Promise<void>
}

/** Callers choose it, so it is attacker-controlled: bounded, printable. */
const KEY_FORM = /^[\x21-\x7e]{1,128}$/

/** More than any answer takes: a hundred bundles, or one of a predicate of 16 MiB. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024

/** Three tries later, the lease of a replica that was killed has ended. */
const CONFLICT_SECONDS = 3

interface Attempt {
  readonly caller: string
  readonly key: string
  readonly requestSha256: string
}

/** Makes the memory of one service. */
export function createIdempotency(context: IdempotencyContext): Idempotency {
  const inTurn = createTurns()
  const answers = new KeptAnswers(context)
  return {
    once: async (request, reply, answering) => {
      const attempt = readAttempt(request)
      if (attempt === undefined) {
        await reply.send(await answering.answer({}))
        return
      }
      const answered = await untilCancelled(
        inTurn(leaseName(attempt), () => answers.answer(attempt, answering)),
        request.deadline,
      )
      await reply.type('application/json; charset=utf-8').send(JSON.stringify(answered))
    },
  }
}

/** Answers that are kept, and requests that get them. */
class KeptAnswers {
  readonly #context: IdempotencyContext

  constructor(context: IdempotencyContext) {
    this.#context = context
  }

  async answer<Answer extends object>(
    attempt: Attempt,
    answering: Answering<Answer>,
  ): Promise<Answer> {
    const answered = await this.#context.store.withLease(leaseName(attempt), async () => {
      const known = await this.#find(attempt)
      return known === undefined
        ? this.#make(attempt, answering)
        : replay(attempt, known, answering)
    })
    if (answered !== undefined) return answered
    throw new CountersignError('ERR_STATE_CONFLICT', 'the same request is being answered already', {
      hint: 'wait a moment, then send it again with the same Idempotency-Key',
      retryAfterSeconds: CONFLICT_SECONDS,
    })
  }

  #find({ caller, key }: Attempt): Promise<RememberedAnswer | undefined> {
    const { now, store } = this.#context
    return store.answers.findAnswer(caller, key, now())
  }

  /** Makes an answer and keeps it, or gives the one that counts: a request that lost its lease may have had a rival. */
  async #make<Answer extends object>(
    attempt: Attempt,
    answering: Answering<Answer>,
  ): Promise<Answer> {
    const { now, settings } = this.#context
    const expires = new Date(now().getTime() + settings.idempotencySeconds * 1000)
    const kept = { isDone: false }
    const onKept = (): void => {
      kept.isDone = true
    }
    const keeping = { ...attempt, expires, onKept }
    try {
      const made = await answering.answer({ attempt: idOf(attempt), keeping })
      if (!kept.isDone) await this.#keep({ ...attempt, expires }, answering.keep(made))
      return made
    } catch (error) {
      if (!CountersignError.is(error, 'ERR_STATE_CONFLICT')) throw error
      const rival = await this.#find(attempt)
      if (rival === undefined) throw error
      return replay(attempt, rival, answering)
    }
  }

  /** Keeps an answer of several releases, which are in the log already. */
  async #keep(
    about: Omit<PlacedAnswer, 'body'>,
    releases: readonly object[] | undefined,
  ): Promise<void> {
    if (releases === undefined) return
    const { now, store } = this.#context
    const answer = { ...about, body: JSON.stringify(releases) }
    const [isKept] = await store.transaction(({ answers }) => answers.putAnswers([answer], now()))
    if (isKept !== true) throw answeredBefore()
  }
}

function replay<Answer>(
  attempt: Attempt,
  { body, requestSha256 }: RememberedAnswer,
  answering: Answering<Answer>,
): Promise<Answer> {
  if (requestSha256 !== attempt.requestSha256) throw usedBefore()
  return answering.replay(readKept(body), idOf(attempt))
}

/** A malformed row proves nothing, like any other row an attacker could have written. */
function readKept(body: string): JsonValue {
  try {
    return parseJson(body, { maxBytes: MAX_KEPT_BYTES })
  } catch {
    return null
  }
}

/** Requests under the same key, one after the other: the second is answered by what the first kept. */
function createTurns(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  /** The last of each key; each removes itself, and none rejects. */
  const last = new Map<string, Promise<unknown>>()
  return (key, work) => {
    const mine = (last.get(key) ?? Promise.resolve()).then(work)
    const settled = mine
      .catch(() => undefined)
      .finally(() => {
        if (last.get(key) === settled) last.delete(key)
      })
    last.set(key, settled)
    return mine
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

/** What the releases of an attempt are bound to: its caller, its key and its request. */
function idOf({ caller, key, requestSha256 }: Attempt): string {
  return sha256(JSON.stringify([caller, key, requestSha256]))
}

function leaseName({ caller, key }: Attempt): string {
  return `answer:${sha256(JSON.stringify([caller, key]))}`
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
