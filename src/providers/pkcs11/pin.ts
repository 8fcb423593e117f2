/**
 * PINs: where one comes from, and when it may be tried. A token locks itself after a few wrong ones.
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto'
import { isAbsolute } from 'node:path'
import { CountersignError } from '../../errors.ts'
import { readFileBounded } from '../../files.ts'
import { CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED } from './cryptoki.ts'
import type { Pkcs11Uri } from './uri.ts'

/** Finds the PIN of the token of a label, where its URI names none; undefined where there is none to be had. */
export type ReadPin = (label: string) => Promise<string | undefined>

const MAX_PIN_BYTES = 1024

/** No PIN has line ends after it, and a shell or a secret store leaves them there. */
const LINE_ENDS = /[\r\n]+$/

/**
 * Reads the PIN a URI brings itself: `pin-value`, or the file of `pin-source` (`file:/path`, or just a
 * path) without a byte order mark and the line ends after it.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — another kind of source; ERR_CONFIG_INVALID — the file holds
 * more than a PIN; ERR_FILE_READ, ERR_INPUT_TOO_LARGE — of the file
 */
export async function readUriPin(uri: Pkcs11Uri): Promise<string | undefined> {
  if (uri.pinValue !== undefined || uri.pinSource === undefined) return uri.pinValue
  const path = pinFile(uri.pinSource)
  return parsePin(await readFileBounded(path, MAX_PIN_BYTES), path)
}

/** A token counts wrong PINs, so blanks that an editor or a shell left around one must not cost a try. */
function parsePin(bytes: Uint8Array, path: string): string {
  const text = decodeUtf8(bytes)
  if (text === undefined) throw notOnePin(path, 'is not UTF-8 text')
  const pin = text.replace(LINE_ENDS, '')
  if (/[\r\n]/.test(pin)) throw notOnePin(path, 'has several lines')
  if (/\p{Cc}/u.test(pin)) throw notOnePin(path, 'holds control characters')
  if (pin !== pin.trim()) throw notOnePin(path, 'begins or ends with a blank')
  return pin
}

/** Leaves out the line ends after a PIN. */
export function withoutLineEnds(pin: string | undefined): string | undefined {
  return pin?.replace(LINE_ENDS, '')
}

/** Without a byte order mark; undefined for what is not UTF-8. */
function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function notOnePin(path: string, why: string): CountersignError {
  return new CountersignError('ERR_CONFIG_INVALID', `the PIN file "${path}" ${why}`, {
    hint: `no PIN was tried; write the PIN alone, in one line: printf '%s' PIN > FILE`,
  })
}

function pinFile(source: string): string {
  const path = source.replace(/^file:(\/\/(?=\/))?/, '')
  if (isAbsolute(path)) return path
  // RFC 7512 section 2.4 lets "|command" run a program; a key reference must not.
  const message = 'the pin-source is not the absolute path of a file'
  throw new CountersignError('ERR_KEY_URI_INVALID', message, {
    hint: 'write pin-source=file:/run/secrets/pin; commands and addresses are not followed',
  })
}

/**
 * Makes sure that a wrong PIN would not lock the token.
 *
 * @param flags - of CK_TOKEN_INFO, read just now
 * @throws {@link CountersignError} ERR_PIN_LOCKED — locked, or one try from it
 */
export function assertPinMayBeTried(flags: number, label: string): void {
  if ((flags & CKF_USER_PIN_LOCKED) !== 0) {
    throw new CountersignError('ERR_PIN_LOCKED', `the PIN of token "${label}" is locked`, {
      hint: "unlock it with the security officer's PIN and the token's own tool",
    })
  }
  if ((flags & CKF_USER_PIN_FINAL_TRY) !== 0) {
    const message = `one more wrong PIN would lock token "${label}", so none was tried`
    throw new CountersignError('ERR_PIN_LOCKED', message, {
      hint: 'log in once with the right PIN to reset the count: pkcs11-tool --module PATH --login --list-objects',
    })
  }
}

/** Remembers which PINs a token has refused, and none of them in the clear. */
export class RefusedPins {
  readonly #digests = new Set<string>()

  /** Whether the token has refused this PIN; undefined stands for its own PIN pad. */
  has(pin: string | undefined): boolean {
    return pin !== undefined && this.#digests.has(digestOf(pin))
  }

  add(pin: string | undefined): void {
    if (pin !== undefined) this.#digests.add(digestOf(pin))
  }
}

function digestOf(pin: string): string {
  return createHash('sha256').update(pin).digest('hex')
}

/** Makes the error of a token that needs a PIN when there is none. */
export function pinMissing(label: string): CountersignError {
  return new CountersignError('ERR_PIN_WRONG', `token "${label}" needs a PIN and there is none`, {
    hint: 'add pin-source=file:/path to the key reference, or set COUNTERSIGN_PKCS11_PIN',
  })
}

/** Makes the error of a PIN the token has refused before. */
export function pinRefused(label: string): CountersignError {
  const message = `token "${label}" has refused this PIN; it was not tried again`
  return new CountersignError('ERR_PIN_WRONG', message, {
    hint: 'give the right PIN and start again; each wrong one brings the token nearer to its lock',
  })
}
