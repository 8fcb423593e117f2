/**
 * Answers the calls that arrive on a pipe.
 *
 * @packageDocumentation
 */
import type { Duplex } from 'node:stream'
import type { CallName, RequestOf, TokenCaller } from '../calls.ts'
import { FrameReader, serializeFrame } from '../protocol/frames.ts'
import type { HostMessage, ModuleMessage } from '../protocol/messages.ts'
import { fromJson, toJson } from '../protocol/plain-data.ts'
import { errorFromJson, errorToJson } from '../protocol/plain-error.ts'
import type { Pkcs11Uri } from '../uri.ts'
import { needsRestart } from './errors.ts'
import { createNativeCaller } from './native-caller.ts'

/** Answers calls until the pipe closes. */
export function serveCalls(pipe: Duplex): void {
  const reader = new FrameReader()
  const conversation = new Conversation((message) => pipe.write(serializeFrame(message)))
  pipe.on('data', (chunk: Uint8Array) => {
    // The other end is the process that started this one, from the same release.
    for (const message of reader.push(chunk)) conversation.take(message as HostMessage)
  })
  // Nothing is left to answer then, and what watches the other pipe ends this process.
  pipe.on('error', () => undefined)
  conversation.closed.then(
    () => pipe.end(),
    () => pipe.end(),
  )
}

type Send = (message: ModuleMessage) => void

type CallMessage = Extract<HostMessage, { type: 'call' }>

class Conversation {
  readonly #send: Send
  readonly #ended: PromiseWithResolvers<void> = Promise.withResolvers()
  /** Questions for a PIN that have no answer yet. */
  readonly #questions = new Map<number, PromiseWithResolvers<string | undefined>>()
  /** What to ask for a PIN with, by reference. */
  readonly #pinReferences = new WeakMap<Pkcs11Uri, number>()
  #lastQuestion = 0
  #caller: TokenCaller | undefined

  constructor(send: Send) {
    this.#send = send
  }

  /** Settles once everything is closed. */
  get closed(): Promise<void> {
    return this.#ended.promise
  }

  take(message: HostMessage): void {
    switch (message.type) {
      case 'start':
        this.#start(message)
        break
      case 'call':
        void this.#answer(message)
        break
      case 'pin':
        this.#takePin(message)
        break
      case 'close':
        this.#ended.resolve(this.#caller?.[Symbol.asyncDispose]())
        break
    }
  }

  #start({ maxSessions, refusals }: Extract<HostMessage, { type: 'start' }>): void {
    const refused = new Set(refusals)
    this.#caller = createNativeCaller({
      maxSessions,
      readPin: (uri, label) => this.#askForPin(uri, label),
      refusals: {
        has: (digest) => refused.has(digest),
        add: (digest) => {
          this.#send({ type: 'pin-refused', digest })
          return refused.add(digest)
        },
      },
      onPinPad: (isWaiting) => {
        this.#send({ type: 'pin-pad', isWaiting })
      },
    })
    this.#send({ type: 'ready' })
  }

  async #answer(message: CallMessage): Promise<void> {
    const { id } = message
    try {
      this.#send({ type: 'answer', id, value: toJson(await this.#call(message)) })
    } catch (thrown) {
      const error = errorToJson(thrown)
      this.#send({ type: 'failure', id, error, needsRestart: needsRestart(thrown) })
    }
  }

  #call({ name, request: json, pinReference }: CallMessage): Promise<unknown> {
    if (this.#caller === undefined) throw new TypeError('a call came before the start')
    const request = fromJson(json) as RequestOf<CallName>
    if ('uri' in request) this.#pinReferences.set(request.uri, pinReference)
    return this.#caller.call(name, request)
  }

  #askForPin(uri: Pkcs11Uri, label: string): Promise<string | undefined> {
    const pinReference = this.#pinReferences.get(uri) ?? 0
    const question = Promise.withResolvers<string | undefined>()
    this.#lastQuestion += 1
    const id = this.#lastQuestion
    this.#questions.set(id, question)
    this.#send({ type: 'pin-wanted', id, pinReference, label })
    return question.promise
  }

  #takePin({ id, pin, error }: Extract<HostMessage, { type: 'pin' }>): void {
    const question = this.#questions.get(id)
    this.#questions.delete(id)
    if (error === undefined) question?.resolve(pin)
    else question?.reject(errorFromJson(error))
  }
}
