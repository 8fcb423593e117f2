/** A key on a token whose module can be put at fault, and a provider whose deadlines a test moves. */
import { expect, onTestFinished } from 'vitest'
import type { StartTimer } from '../../../src/basics/timer.ts'
import { createPkcs11Provider, type Pkcs11Keys } from '../../../src/providers/pkcs11/provider.ts'
import type { ReadPin } from '../../../src/providers/pkcs11/pin-source.ts'
import type { Pkcs11Uri } from '../../../src/providers/pkcs11/uri.ts'
import type { Signer } from '../../../src/signing/signer.ts'
import { COMPILE_CACHE } from '../command-line.ts'
import { ManualTimer } from '../manual-timer.ts'
import { createSoftHsm, type SoftHsm, type SoftToken } from '../softhsm.ts'
import { createFaultModule, type FaultModule } from './fault-module.ts'

/** A token, and the module before it. */
export interface FaultBench {
  readonly hsm: SoftHsm
  readonly token: SoftToken
  readonly faults: FaultModule
  readonly uriFor: (object: string) => Pkcs11Uri
  /** Opens a provider with timers of its own; closed when the test ends. */
  readonly openProvider: (options?: {
    readonly readPin?: ReadPin
    readonly env?: Readonly<Record<string, string>>
    /** Default: timers that the test moves. */
    readonly startTimer?: StartTimer
  }) => FaultScene
  readonly remove: () => void
}

/** A provider under test. */
export interface FaultScene {
  readonly provider: Pkcs11Keys
  /** All deadlines and rests. */
  readonly timer: ManualTimer
  /** Opens the key, which has signed once then. */
  readonly openKey: () => Promise<Signer>
}

/** What is signed. */
export const MESSAGE: Uint8Array = Buffer.from('message')

/** Longer than a module may be silent, and shorter than anything else. */
export const SILENCE_MS = 4000

/** Rests are over at once, and no deadline passes. */
export const withoutRests: StartTimer = (run, milliseconds) => {
  if (milliseconds >= SILENCE_MS) return () => undefined
  const rest = setImmediate(run)
  return () => {
    clearImmediate(rest)
  }
}

/** Makes a token with a key named "key". */
export async function createFaultBench(label: string): Promise<FaultBench> {
  const hsm = createSoftHsm([label])
  const [token] = hsm.tokens
  const faults = createFaultModule(hsm)
  const uriFor = (object: string): Pkcs11Uri => faults.uriFor(token, object)
  // Many processes are started from source: they share what that takes.
  const env = { ...process.env, ...faults.env, NODE_COMPILE_CACHE: COMPILE_CACHE }
  const readPin: ReadPin = () => Promise.resolve(token.pin)
  const maker = createPkcs11Provider({ env, readPin })
  await maker.create({ uri: uriFor('key'), algorithm: 'ES256' })
  await maker[Symbol.asyncDispose]()
  faults.watch()
  return {
    hsm,
    token,
    faults,
    uriFor,
    openProvider: (options = {}) => {
      const timer = new ManualTimer()
      const provider = createPkcs11Provider({
        readPin: options.readPin ?? readPin,
        env: { ...env, ...options.env },
        startTimer: options.startTimer ?? timer.start,
      })
      onTestFinished(async () => {
        await provider[Symbol.asyncDispose]()
      })
      const openKey = async (): Promise<Signer> => {
        const signer = await provider.open(uriFor('key'))
        await signer.sign(MESSAGE)
        return signer
      }
      return { provider, timer, openKey }
    },
    remove: () => {
      faults.remove()
      hsm.remove()
    },
  }
}

/** Waits until as many calls as were set hang. */
export async function untilHung({ faults }: FaultBench, call: string): Promise<void> {
  await expect.poll(() => faults.left(call), { timeout: 20_000 }).toBe(0)
}
