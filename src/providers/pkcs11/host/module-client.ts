/**
 * One process with a module: calls, their answers and their deadlines.
 *
 * @packageDocumentation
 */
import type { StartTimer } from '../../../basics/timer.ts'
import { toCountersignError } from '../../../errors.ts'
import { type JsonValue, type ObjectReader, readObject } from '../../../formats/json.ts'
import type { AnswerOf, CallName, RequestOf } from '../calls.ts'
import { fromJson, toJson } from '../protocol/plain-data.ts'
import { errorFromJson, errorToJson, malformedMessage } from '../protocol/plain-error.ts'
import { type Pkcs11Uri, withoutPin } from '../uri.ts'
import { assertAnswer } from './answers.ts'
import { answerDeadline, callDeadline, type Deadlines } from './deadlines.ts'
import { ModuleGone, type Overrun } from './module-faults.ts'
import { type ModuleEnd, ModulePipe } from './module-pipe.ts'

/** What a process is started with. */
export interface ModuleClientOptions {
  readonly modulePath: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly maxSessions: number
  readonly deadlines: Deadlines
  readonly startTimer: StartTimer
  /** Digests of PINs that tokens of the module have refused; those refused from now on are added. */
  readonly refusals: Set<string>
  readonly readPin: (uri: Pkcs11Uri, label: string) => Promise<string | undefined>
}

/** A failed call, and whether the module said so in a way that a new process may cure. */
export class CallFailure extends Error {
  override readonly name = 'CallFailure'
  readonly needsRestart: boolean

  constructor(cause: unknown, needsRestart: boolean) {
    super('the call failed', { cause })
    this.needsRestart = needsRestart
  }
}

interface PendingCall {
  readonly name: CallName
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  /** Ends its own deadline. */
  stop: () => void
}

/** Threads beside those that wait for a token, for what Node itself does on them. */
const SPARE_THREADS = 4
/** More than one token may be used at a time. */
const THREADS_PER_SESSION = 4
const MOST_THREADS = 128

/** A started process. */
export class ModuleClient {
  readonly #options: ModuleClientOptions
  readonly #pipe: ModulePipe
  readonly #ready: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #ended = Promise.withResolvers<ModuleGone>()
  readonly #pending = new Map<number, PendingCall>()
  /** What to read a PIN for, by the reference that stands for it in the process. */
  readonly #pinReferences: Pkcs11Uri[] = []
  #lastId = 0
  /** How many people or files are asked for a PIN; deadlines rest meanwhile. */
  #pinsWanted = 0
  #isClosing = false
  /** Settles when no call is under way for the first time; waited for at the end. */
  readonly #idle: PromiseWithResolvers<void> = Promise.withResolvers()
  #overrun: Overrun | undefined
  #gone: ModuleGone | undefined
  #stopSilence: () => void

  constructor(options: ModuleClientOptions) {
    const { modulePath, env, maxSessions, refusals, deadlines } = options
    this.#options = options
    this.#ready.promise.catch(() => undefined)
    this.#stopSilence = this.#startDeadline(undefined, deadlines.start)
    this.#pipe = new ModulePipe({
      modulePath,
      env,
      threads: Math.min(MOST_THREADS, maxSessions * THREADS_PER_SESSION + SPARE_THREADS),
      onMessage: (message) => {
        this.#take(readObject(message, malformedMessage, 'message'))
      },
      onEnd: (end) => {
        this.#end(end)
      },
    })
    this.#pipe.send({ type: 'start', maxSessions, refusals: [...refusals] })
  }

  /** Settles once calls can be made; rejected with {@link ModuleGone} if the process ends before. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Settles with how the process ended; never rejected. */
  get ended(): Promise<ModuleGone> {
    return this.#ended.promise
  }

  /** Whether no call is under way. */
  get isIdle(): boolean {
    return this.#pending.size === 0
  }

  /** Rejects with {@link CallFailure}, or {@link ModuleGone} if the process ends. */
  async call<Name extends CallName>(name: Name, request: RequestOf<Name>): Promise<AnswerOf<Name>> {
    if (this.#gone !== undefined) throw this.#gone
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const wire = this.#toWire(request)
    this.#lastId += 1
    const id = this.#lastId
    const stop = this.#startDeadline(name, callDeadline(name, this.#options.deadlines))
    const before = this.#silence()
    this.#pending.set(id, { name, resolve, reject, stop })
    this.#pipe.hold(true)
    this.#pipe.send({ type: 'call', id, name, ...wire })
    if (this.#silence() > before) this.#watchSilence()
    const answer = await promise
    assertAnswer(name, answer)
    return answer
  }

  /** Lets the calls under way finish and ends the process; kills it if that takes too long. */
  async close(): Promise<void> {
    const { deadlines, startTimer } = this.#options
    this.#isClosing = true
    const stop = startTimer(() => {
      this.#pipe.kill()
    }, deadlines.close)
    this.#pipe.hold(true)
    if (!this.isIdle) await Promise.race([this.#idle.promise, this.ended])
    this.#pipe.send({ type: 'close' })
    await this.ended
    stop()
  }

  /** Ends the process at once. */
  kill(): void {
    this.#pipe.kill()
  }

  /** The PIN stays here until the process asks for it. */
  #toWire(request: RequestOf<CallName>): { request: JsonValue; pinReference: number } {
    if (!('uri' in request)) return { request: toJson(request), pinReference: 0 }
    const { uri } = request
    const text = JSON.stringify(toJson(uri))
    const known = this.#pinReferences.findIndex((other) => JSON.stringify(toJson(other)) === text)
    const pinReference = known === -1 ? this.#pinReferences.push(uri) - 1 : known
    return { request: toJson({ ...request, uri: withoutPin(uri) }), pinReference }
  }

  #take(message: ObjectReader): void {
    const type = message.text('type')
    if (type === 'ready') this.#becomeReady()
    else if (type === 'answer')
      this.#settle(message, () => fromJson(message.value('value') ?? null))
    else if (type === 'failure') this.#fail(message)
    else if (type === 'pin-wanted') this.#wantPin(message)
    else if (type === 'pin-refused') this.#options.refusals.add(message.text('digest'))
    else if (type === 'pin-pad') this.#watchPinPad(message.value('isWaiting') === true)
    else throw malformedMessage('unknown type')
  }

  #becomeReady(): void {
    this.#stopSilence()
    this.#ready.resolve()
    if (!this.#isClosing) this.#pipe.hold(!this.isIdle)
  }

  #settle(message: ObjectReader, read: () => unknown): void {
    const call = this.#release(message)
    call?.resolve(read())
  }

  #fail(message: ObjectReader): void {
    const error = errorFromJson(message.value('error'))
    this.#release(message)?.reject(new CallFailure(error, message.value('needsRestart') === true))
  }

  #release(message: ObjectReader): PendingCall | undefined {
    const id = message.count('id')
    const call = this.#pending.get(id)
    call?.stop()
    this.#pending.delete(id)
    this.#watchSilence()
    if (!this.#isClosing) this.#pipe.hold(!this.isIdle)
    if (this.isIdle) this.#idle.resolve()
    return call
  }

  #wantPin(message: ObjectReader): void {
    const id = message.count('id')
    const uri = this.#pinReferences[message.count('pinReference')]
    if (uri === undefined) throw malformedMessage('unknown PIN reference')
    const label = message.text('label')
    this.#pinsWanted += 1
    this.#rest()
    void this.#answerPin(id, uri, label)
  }

  async #answerPin(id: number, uri: Pkcs11Uri, label: string): Promise<void> {
    try {
      const pin = await this.#options.readPin(uri, label)
      this.#pipe.send({ type: 'pin', id, pin })
    } catch (error) {
      this.#pipe.send({ type: 'pin', id, error: errorToJson(toCountersignError(error)) })
    } finally {
      this.#pinsWanted -= 1
      this.#watchCalls()
    }
  }

  #watchPinPad(isWaiting: boolean): void {
    this.#rest()
    if (!isWaiting) this.#watchCalls()
    else this.#stopSilence = this.#startDeadline('logIn', this.#options.deadlines.pinPad)
  }

  #watchCalls(): void {
    this.#watchSilence()
    const { deadlines } = this.#options
    for (const call of this.#pending.values()) {
      call.stop()
      call.stop = this.#startDeadline(call.name, callDeadline(call.name, deadlines))
    }
  }

  /** How long no answer may come; 0 where none is waited for. */
  #silence(): number {
    const names = [...this.#pending.values()].map(({ name }) => name)
    return answerDeadline(names, this.#options.deadlines)
  }

  #watchSilence(): void {
    this.#stopSilence()
    const [first] = this.#pending.values()
    if (first !== undefined) this.#stopSilence = this.#startDeadline(first.name, this.#silence())
  }

  /** Stops all deadlines. */
  #rest(): void {
    this.#stopSilence()
    for (const call of this.#pending.values()) call.stop()
  }

  #startDeadline(call: CallName | undefined, milliseconds: number): () => void {
    if (this.#pinsWanted > 0 || this.#gone !== undefined) return () => undefined
    return this.#options.startTimer(() => {
      this.#overrun ??= { call, milliseconds }
      this.#pipe.kill()
    }, milliseconds)
  }

  #end(end: ModuleEnd): void {
    const gone = new ModuleGone(this.#options.modulePath, end, this.#overrun)
    this.#gone = gone
    this.#rest()
    for (const call of this.#pending.values()) call.reject(gone)
    this.#pending.clear()
    this.#ready.reject(gone)
    this.#ended.resolve(gone)
  }
}
