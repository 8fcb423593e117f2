/** Things that were started, and stop in the reverse order. */
import { untilCancelled } from '../../basics/cancellation.ts'
import { CountersignError, toCountersignError } from '../../errors.ts'

/** Something that was started. */
interface Owned {
  /** For the operator, where it does not stop. */
  readonly name: string
  /** Ends by the deadline where it takes one; otherwise it is not waited for any longer. */
  readonly stop: (deadline: AbortSignal | undefined) => PromiseLike<void> | void
  readonly takesDeadline?: true
}

/** Owns what must be stopped. */
export class Lifecycle {
  readonly #owned: Owned[] = []

  /** Takes something over; it is disposed before whatever was taken over earlier. */
  own<T extends AsyncDisposable>(thing: T, name = 'a part of the service'): T {
    this.#owned.push({ name, stop: () => thing[Symbol.asyncDispose]() })
    return thing
  }

  /** Takes over something that owns parts itself: they hear of the deadline too. */
  ownStoppable(name: string, stop: Owned['stop']): void {
    this.#owned.push({ name, stop, takesDeadline: true })
  }

  /** Repeats work until stopped; failures are reported, and the work is tried again at its next time. */
  every(
    milliseconds: number,
    work: () => Promise<void>,
    onError: (error: CountersignError) => void,
  ): void {
    const timer = setInterval(() => {
      work().catch((error: unknown) => {
        onError(toCountersignError(error))
      })
    }, milliseconds)
    timer.unref()
    this.#owned.push({
      name: 'a timer',
      stop: () => {
        clearInterval(timer)
      },
    })
  }

  /**
   * Stops everything; one failure does not keep the rest from stopping, and the first is thrown at the end.
   *
   * @param deadline - once it aborts, the rest is told to stop and no longer waited for
   * @throws {@link CountersignError} ERR_TIMEOUT — something had not stopped by then; names the first
   */
  async stop(deadline?: AbortSignal): Promise<void> {
    const failures: unknown[] = []
    let late: CountersignError | undefined
    for (const owned of this.#owned.splice(0).reverse()) {
      const wasLate = deadline?.aborted === true
      try {
        await stopOne(owned, deadline)
      } catch (error) {
        if (deadline?.aborted !== true) failures.push(error)
        // What is told to stop behind it had no time.
        else if (!wasLate) late = isNotStopped(error) ? error : notStopped(owned.name)
      }
    }
    if (late !== undefined) throw late
    if (failures.length > 0) throw toCountersignError(failures[0])
  }
}

async function stopOne(
  { stop, takesDeadline }: Owned,
  deadline: AbortSignal | undefined,
): Promise<void> {
  const stopping = Promise.resolve(stop(deadline))
  await (takesDeadline === true ? stopping : untilCancelled(stopping, deadline))
}

function notStopped(part: string): CountersignError {
  return new CountersignError('ERR_TIMEOUT', `did not stop in time: ${part}`, {
    hint: 'nothing that was released is lost; find out why the backend or the database does not answer',
    details: { part },
  })
}

/** Whether a part that owns others says which of them did not stop. */
function isNotStopped(error: unknown): error is CountersignError {
  return CountersignError.is(error, 'ERR_TIMEOUT') && typeof error.details['part'] === 'string'
}
