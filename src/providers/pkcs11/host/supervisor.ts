/**
 * Keeps one module at work: starts its process when it is first needed, starts it again when it crashes, stalls or
 * asks for it, and repeats the calls that were under way where that is safe.
 *
 * @packageDocumentation
 */
import { assertNotCancelled } from '../../../basics/cancellation.ts'
import type { AnswerOf, CallName, RequestOf } from '../calls.ts'
import { disposedProvider } from '../../provider.ts'
import type { Pkcs11Uri } from '../uri.ts'
import { CallFailure, ModuleClient, type ModuleClientOptions } from './module-client.ts'
import { ModuleGone } from './module-faults.ts'

/** How often a call is made whose process ends each time. */
const TRIES = 3
/** Rest before the second restart in a row; the first comes at once. */
const FIRST_REST_MS = 100
/** So long that a module that crashes all the time costs little, and so short that a cure is soon noticed. */
const LONGEST_REST_MS = 3000
/** Calls wait for the end of a shorter rest. */
const SHORT_REST_MS = 1000
/** Tokens and firewalls drop sessions that rest for minutes. */
const KEEP_ALIVE_MS = 60_000

type Job = { readonly [Name in CallName]: { name: Name; request: RequestOf<Name> } }[CallName]

/** What a supervisor is made of. */
export interface SupervisorOptions extends ModuleClientOptions {
  /** For what need not keep this process running. */
  readonly startBackgroundTimer: ModuleClientOptions['startTimer']
}

/** A process that runs, or is being started. */
interface Running {
  readonly client: ModuleClient
  /** Settles once the module is loaded. */
  readonly loaded: Promise<void>
}

/** One module. */
export class Supervisor {
  readonly #options: SupervisorOptions
  #running: Running | undefined
  /** Ends in a row that nothing here asked for. */
  #failures = 0
  /** Whether a process was replaced a moment ago. */
  #isReplaced = false
  /** Why the last process ended. */
  #lastFault: unknown
  /** No process is started before it ends. */
  #rest: { readonly ended: Promise<void>; readonly milliseconds: number } | undefined
  #stopKeepAlive: () => void = () => undefined
  #isClosed = false

  constructor(options: SupervisorOptions) {
    this.#options = options
  }

  /**
   * Makes a call, again where its process ended meanwhile and that is safe.
   *
   * @throws {@link CountersignError} ERR_PROVIDER_UNAVAILABLE — the module crashed or did not answer; and what
   * the call itself throws
   */
  async call<Name extends CallName>(
    name: Name,
    request: RequestOf<Name>,
    uri: Pkcs11Uri,
    signal: AbortSignal | undefined,
  ): Promise<AnswerOf<Name>> {
    let asked = request
    for (let attempt = 1; ; attempt += 1) {
      assertNotCancelled(signal)
      const running = await this.#start(name, uri)
      try {
        await running.loaded
        const answer = await running.client.call(name, asked)
        this.#failures = 0
        return answer
      } catch (error) {
        const again = this.#repeat({ name, request: asked } as Job, error, attempt, running)
        if (again === undefined) throw toFailure(name, error)
        asked = again
      }
    }
  }

  /** Lets the calls under way finish, and ends the process. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#stopKeepAlive()
    await this.#running?.client.close()
  }

  /** The request to make again; undefined where it is not to be. */
  #repeat(
    job: Job,
    error: unknown,
    attempt: number,
    running: Running,
  ): RequestOf<CallName> | undefined {
    const again = repeated(job)
    if (error instanceof ModuleGone) return attempt < TRIES ? again : undefined
    const isCurable = error instanceof CallFailure && error.needsRestart && attempt === 1
    return isCurable && this.#retire(running) ? again : undefined
  }

  /** Ends a process that a new one is to replace; not soon again, since most causes are outside of both. */
  #retire(running: Running): boolean {
    // Of many calls that fail together, the first does it, and the others find it done.
    if (this.#running !== running) return true
    if (this.#isReplaced) return false
    this.#isReplaced = true
    this.#options.startBackgroundTimer(() => {
      this.#isReplaced = false
    }, LONGEST_REST_MS)
    this.#running = undefined
    running.client.kill()
    return true
  }

  async #start(name: CallName, uri: Pkcs11Uri): Promise<Running> {
    for (;;) {
      if (this.#isClosed) throw disposedProvider('pkcs11')
      const running = this.#running ?? (this.#rest === undefined ? this.#launch(uri) : undefined)
      if (running !== undefined) return running
      const { milliseconds: rest = 0, ended } = this.#rest ?? {}
      if (rest > SHORT_REST_MS) throw toFailure(name, this.#lastFault, rest)
      await ended
    }
  }

  #launch(uri: Pkcs11Uri): Running {
    const client = new ModuleClient(this.#options)
    const loaded = client.ready.then(async () => {
      await client.call('loadModule', { uri })
      this.#keepAlive(client)
    })
    const running = { client, loaded }
    this.#running = running
    loaded.catch((error: unknown) => {
      // One that has not loaded its module is of no use.
      this.#forget(running, error)
      client.kill()
    })
    void client.ended.then((gone) => {
      this.#forget(running, gone)
    })
    return running
  }

  #forget(running: Running, fault: unknown): void {
    if (this.#running !== running) return
    this.#running = undefined
    this.#stopKeepAlive()
    if (this.#isClosed) return
    this.#lastFault = fault
    this.#failures += 1
    if (this.#failures > 1) this.#startRest(this.#failures - 2)
  }

  #startRest(doublings: number): void {
    const milliseconds = Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** Math.min(doublings, 10))
    const { promise: ended, resolve }: PromiseWithResolvers<void> = Promise.withResolvers()
    this.#rest = { ended, milliseconds }
    const { startTimer, startBackgroundTimer } = this.#options
    const start = milliseconds > SHORT_REST_MS ? startBackgroundTimer : startTimer
    start(() => {
      this.#rest = undefined
      resolve()
    }, milliseconds)
  }

  /** Uses idle sessions now and then; whatever is wrong with them is found before a caller meets it. */
  #keepAlive(client: ModuleClient): void {
    this.#stopKeepAlive()
    this.#stopKeepAlive = this.#options.startBackgroundTimer(() => {
      const next = (): void => {
        if (this.#running?.client === client) this.#keepAlive(client)
      }
      if (!client.isIdle) next()
      else client.call('keepAlive', { sessions: 'idle' }).then(next, next)
    }, KEEP_ALIVE_MS)
  }
}

/** The request that makes a call again; undefined where the first may have had an effect that nothing shows. */
function repeated({ name, request }: Job): RequestOf<CallName> | undefined {
  if (name === 'importParameters' || name === 'importMaterial') return undefined
  if (name !== 'create') return request
  return request.mayRepeat ? { ...request, isRepeated: true } : undefined
}

function toFailure(name: CallName, error: unknown, restMs = 0): unknown {
  if (error instanceof ModuleGone) return error.toFailure(name, restMs)
  return error instanceof CallFailure ? error.cause : error
}
