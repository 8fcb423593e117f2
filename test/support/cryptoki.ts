import type { Cryptoki, Handle } from '../../src/providers/pkcs11/native/cryptoki.ts'
import { type LoadModule, loadModule } from '../../src/providers/pkcs11/native/module.ts'
import { createNativeCaller } from '../../src/providers/pkcs11/native/native-caller.ts'
import { findPin, type ReadPin } from '../../src/providers/pkcs11/pin-source.ts'
import { createTokenProvider, type Pkcs11Keys } from '../../src/providers/pkcs11/provider.ts'
import type { SoftToken } from './softhsm.ts'

/** Makes a failure as pkcs11js throws it. */
export function pkcs11Error(code: number, message = 'CKR_OF_A_TEST'): Error {
  return Object.assign(new Error(message), { name: 'Pkcs11Error', code })
}

/** Some calls of a module replaced, the rest as they are; each replacement is given the real module. */
export type Replacements = (real: Cryptoki) => Partial<Cryptoki>

/** Puts replacements before the calls of a module. */
function replaceCalls(real: Cryptoki, replacements: Replacements): Cryptoki {
  const replaced = replacements(real)
  return new Proxy(real, {
    get(target, name: keyof Cryptoki) {
      // The addon's methods insist on their own object as `this`.
      return replaced[name] ?? (target[name].bind(target) as unknown)
    },
  })
}

/** Loads modules with some of their calls replaced. */
export function loadReplaced(replacements: Replacements): LoadModule {
  return async (path) => {
    const module = await loadModule(path)
    return { ...module, cryptoki: replaceCalls(module.cryptoki, replacements) }
  }
}

/** A second user of the module in this process, beside the provider under test. */
export interface OtherUser {
  readonly cryptoki: Cryptoki
  readonly slot: Handle
  readonly release: () => void
}

/** Opens a token past the provider, as another library in the process would. */
export async function openBeside(modulePath: string, token: SoftToken): Promise<OtherUser> {
  const { cryptoki, release } = await loadModule(modulePath)
  const slot = cryptoki
    .C_GetSlotList(true)
    .find((candidate) => Number(candidate.readBigUInt64LE()) === token.slotId)
  if (slot === undefined) throw new Error('the token is not there')
  return { cryptoki, slot, release }
}

/** A module that can only do what a test gives it. */
export function fakeCryptoki(calls: Partial<Cryptoki>): Cryptoki {
  return new Proxy(calls, {
    get(target, name: keyof Cryptoki) {
      const call = target[name]
      if (call === undefined) throw new Error(`the fake module has no ${name}`)
      return call
    },
  }) as Cryptoki
}

/** How a provider in this process is made. */
export interface InProcessOptions {
  readonly readPin: ReadPin
  readonly maxSessions?: number
  readonly loadModule?: LoadModule
}

/** Makes a provider whose modules are loaded into this process, so that a test can replace their calls. */
export function createInProcess({
  readPin,
  maxSessions = 8,
  ...rest
}: InProcessOptions): Pkcs11Keys {
  const caller = createNativeCaller({
    ...rest,
    maxSessions,
    readPin: (uri, label) => findPin(uri, label, readPin),
  })
  return createTokenProvider(caller)
}
