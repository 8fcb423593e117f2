/**
 * What is said between a process that uses a PKCS#11 module and the one that has it loaded.
 *
 * @packageDocumentation
 */
import type { CallName } from '../calls.ts'
import type { JsonObject, JsonValue } from '../../../formats/json.ts'

/** To the process of the module. */
export type HostMessage =
  | {
      /** The first of all. */
      readonly type: 'start'
      readonly maxSessions: number
      /** PINs that were refused before, as digests. */
      readonly refusals: readonly string[]
    }
  | {
      readonly type: 'call'
      readonly id: number
      readonly name: CallName
      /** See plain-data.ts. */
      readonly request: JsonValue
      /** What to ask for the PIN of this call with. */
      readonly pinReference: number
    }
  | {
      /** The answer to `pin-wanted`; without both, there is no PIN. */
      readonly type: 'pin'
      readonly id: number
      readonly pin?: string | undefined
      readonly error?: JsonObject | undefined
    }
  /** Answer what is under way, close all sessions, and end. */
  | { readonly type: 'close' }

/** From the process of the module. */
export type ModuleMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'answer'; readonly id: number; readonly value: JsonValue }
  | {
      readonly type: 'failure'
      readonly id: number
      /** See plain-error.ts. */
      readonly error: JsonObject
      /** Whether a new process may cure it. */
      readonly needsRestart: boolean
    }
  | {
      readonly type: 'pin-wanted'
      readonly id: number
      readonly pinReference: number
      readonly label: string
    }
  /** A token has refused a PIN, which is given as its digest. */
  | { readonly type: 'pin-refused'; readonly digest: string }
  /** Whether a person is to enter a PIN at the token now. */
  | { readonly type: 'pin-pad'; readonly isWaiting: boolean }
