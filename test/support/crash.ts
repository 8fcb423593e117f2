/**
 * Crashes on demand: everything an engine awaits from its store and its backends is counted, and at a
 * chosen count the call never comes back, either before it was made or after it took effect.
 *
 * @packageDocumentation
 */
import type { KeyProvider } from '../../src/providers/provider.ts'
import type { RotationContext } from '../../src/rotation/context.ts'
import type { Signer } from '../../src/signing/signer.ts'
import type { Store } from '../../src/store/store.ts'

/** What a crash looks like to the test; the program never sees the end of the call. */
export class Crash extends Error {}

/** Counts calls and crashes at one of them. */
export class CrashPoint {
  readonly #at: number
  #count = 0

  /** @param at - half-steps: twice the number of calls that end well, one more to crash after one */
  constructor(at: number) {
    this.#at = at
  }

  /** Runs one call. */
  async call<T>(run: () => Promise<T>): Promise<T> {
    this.#tick()
    const result = await run()
    this.#tick()
    return result
  }

  #tick(): void {
    this.#count += 1
    // Whatever a process would do after its crash, it does not do.
    if (this.#count > this.#at) throw new Crash('crashed')
  }
}

/** The same surroundings, of a process that crashes at a point. */
export function crashing(context: RotationContext, point: CrashPoint): RotationContext {
  const { store, providers } = context
  return {
    ...context,
    store: crashingStore(store, point),
    providers: {
      provider: async (uri) => crashingProvider(await providers.provider(uri), point),
      openKey: (uri, options) =>
        point.call(async () => crashingSigner(await providers.openKey(uri, options), point)),
    },
  }
}

function crashingStore(store: Store, point: CrashPoint): Store {
  return {
    answers: store.answers,
    log: store.log,
    renewables: store.renewables,
    transparencyLog: store.transparencyLog,
    transaction: (work) => point.call(() => store.transaction(work)),
    // The database releases the lock itself once the process has ended.
    withLock: (name, work) => store.withLock(name, work),
    withLease: (name, work) => store.withLease(name, work),
    onAnnouncement: (listener) => store.onAnnouncement(listener),
    ping: () => store.ping(),
    assertWritable: () => store.assertWritable(),
    clock: () => store.clock(),
    sweep: (now) => store.sweep(now),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

function crashingProvider(provider: KeyProvider, point: CrashPoint): KeyProvider {
  return new Proxy(provider, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) =>
        point.call(() => Promise.resolve(member.apply(target, args) as unknown))
    },
  })
}

function crashingSigner(signer: Signer, point: CrashPoint): Signer {
  return {
    key: signer.key,
    sign: (message, options) => point.call(() => signer.sign(message, options)),
  }
}
