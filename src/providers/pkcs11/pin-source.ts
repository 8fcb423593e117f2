/**
 * Where a PIN comes from.
 *
 * @packageDocumentation
 */
import { isAbsolute } from 'node:path'
import { CountersignError } from '../../errors.ts'
import { readFileBounded } from '../../files.ts'
import type { Pkcs11Uri } from './uri.ts'

/** Finds the PIN of the token of a label, where its URI names none; undefined where none is available. */
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
async function readUriPin(uri: Pkcs11Uri): Promise<string | undefined> {
  if (uri.pinValue !== undefined || uri.pinSource === undefined) return uri.pinValue
  const path = pinFile(uri.pinSource)
  return parsePin(await readFileBounded(path, MAX_PIN_BYTES), path)
}

/** Finds the PIN for a URI: the one that it brings itself, or else that of its token. */
export async function findPin(
  uri: Pkcs11Uri,
  label: string,
  readPin: ReadPin,
): Promise<string | undefined> {
  return (await readUriPin(uri)) ?? withoutLineEnds(await readPin(label))
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

function withoutLineEnds(pin: string | undefined): string | undefined {
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
