/**
 * Finds the one token a PKCS#11 URI means (RFC 7512 section 2.4: every attribute given must match).
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../../errors.ts'
import { CKF_TOKEN_INITIALIZED, type Cryptoki, type Handle, type ModuleInfo } from './cryptoki.ts'
import { isStale, returnValueOf } from './errors.ts'
import { CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_RECOGNIZED } from './return-values.ts'
import { type Pkcs11Uri, serializePkcs11Uri } from '../uri.ts'

/** A token in its slot; texts without their padding. */
export interface Token {
  readonly slot: Handle
  readonly slotId: number
  readonly label: string
  readonly manufacturer: string
  readonly model: string
  readonly serial: string
}

/** The tokens of a module, as far as they can be read. */
export interface TokenList {
  /** Those that are initialized and present. */
  readonly tokens: readonly Token[]
  /** Whether one is missing because it could not be read: throws what its call failed with. */
  readonly assertComplete: () => void
}

/** Lists the tokens of a module. */
export function listTokens(cryptoki: Cryptoki): TokenList {
  const failures: unknown[] = []
  const tokens = cryptoki.C_GetSlotList(true).flatMap((slot) => {
    try {
      return readToken(cryptoki, slot) ?? []
    } catch (error) {
      if (returnValueOf(error) === undefined) throw error
      failures.push(error)
      return []
    }
  })
  // A token may go between the two calls, or be of a kind that the module can't read.
  const lasting = failures.find((failure) => !ABSENT.has(returnValueOf(failure) ?? 0))
  return {
    tokens,
    assertComplete: () => {
      if (isStale(lasting)) throw lasting
    },
  }
}

const ABSENT: ReadonlySet<number> = new Set([CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_RECOGNIZED])

function readToken(cryptoki: Cryptoki, slot: Handle): Token | undefined {
  const info = cryptoki.C_GetTokenInfo(slot)
  if ((info.flags & CKF_TOKEN_INITIALIZED) === 0) return undefined
  return {
    slot,
    slotId: toSlotId(slot),
    label: trimPadding(info.label),
    manufacturer: trimPadding(info.manufacturerID),
    model: trimPadding(info.model),
    serial: trimPadding(info.serialNumber),
  }
}

/** The padding is blanks; some modules end with NULs as well. */
function trimPadding(text: string): string {
  return text.replace(/[ \0]+$/, '')
}

/** A CK_ULONG in this machine's size; its byte order is the machine's, little-endian on all that Node supports but s390x. */
function toSlotId(slot: Handle): number {
  return slot.length === 8 ? Number(slot.readBigUInt64LE()) : slot.readUInt32LE()
}

/**
 * Finds the token a URI means.
 *
 * @throws {@link CountersignError} ERR_TOKEN_NOT_FOUND — none matches; ERR_KEY_URI_INVALID — several
 * do, or the URI has an attribute nothing is known to match
 */
export function findToken(cryptoki: Cryptoki, uri: Pkcs11Uri): Token {
  assertMatchable(uri)
  const { tokens: present, assertComplete } = listTokens(cryptoki)
  const isModule = matchesModule(cryptoki.C_GetInfo(), uri)
  const found = isModule ? present.filter((token) => matchesToken(cryptoki, token, uri)) : []
  const [token, another] = found
  if (token !== undefined && another === undefined) return token
  if (token === undefined) {
    assertComplete()
    throw tokenNotFound(uri, present)
  }
  throw new CountersignError('ERR_KEY_URI_INVALID', `${found.length} tokens match ${nameOf(uri)}`, {
    details: { provider: 'pkcs11', cause: 'token-ambiguous' },
    hint: `add serial=… or slot-id=… to the key reference: ${found.map(tokenText).join(' ')}`,
  })
}

function assertMatchable(uri: Pkcs11Uri): void {
  const [unknown] = Object.keys(uri.vendorPath ?? {})
  if (unknown === undefined) return
  // Ignored, a slip like "tokne=prod" would match every token.
  throw new CountersignError('ERR_KEY_URI_INVALID', `unknown PKCS#11 attribute "${unknown}"`, {
    hint: 'RFC 7512 names token, serial, manufacturer, model, object, id, type, slot-id and a few more',
  })
}

function matchesModule(info: ModuleInfo, uri: Pkcs11Uri): boolean {
  const { major, minor } = info.libraryVersion
  const [wantedMajor, wantedMinor = '0'] = uri.libraryVersion?.split('.') ?? []
  return (
    matches(uri.libraryManufacturer, trimPadding(info.manufacturerID)) &&
    matches(uri.libraryDescription, trimPadding(info.libraryDescription)) &&
    (wantedMajor === undefined || (Number(wantedMajor) === major && Number(wantedMinor) === minor))
  )
}

function matchesToken(cryptoki: Cryptoki, token: Token, uri: Pkcs11Uri): boolean {
  return (
    matches(uri.token, token.label) &&
    matches(uri.serial, token.serial) &&
    matches(uri.model, token.model) &&
    matches(uri.manufacturer, token.manufacturer) &&
    (uri.slotId === undefined || uri.slotId === token.slotId) &&
    matchesSlot(cryptoki, token, uri)
  )
}

function matchesSlot(cryptoki: Cryptoki, token: Token, uri: Pkcs11Uri): boolean {
  if (uri.slotDescription === undefined && uri.slotManufacturer === undefined) return true
  const slot = cryptoki.C_GetSlotInfo(token.slot)
  return (
    matches(uri.slotDescription, trimPadding(slot.slotDescription)) &&
    matches(uri.slotManufacturer, trimPadding(slot.manufacturerID))
  )
}

function matches(wanted: string | undefined, actual: string): boolean {
  return wanted === undefined || wanted === actual
}

function tokenNotFound(uri: Pkcs11Uri, present: readonly Token[]): CountersignError {
  const tokens = present.map(tokenText).join(' ')
  return new CountersignError('ERR_TOKEN_NOT_FOUND', `no token matches ${nameOf(uri)}`, {
    details: { provider: 'pkcs11', cause: tokens === '' ? 'token-none' : 'token-absent' },
    hint: tokens === '' ? 'the module sees no token at all' : `the module sees ${tokens}`,
  })
}

function nameOf(uri: Pkcs11Uri): string {
  return uri.token === undefined ? 'the key reference' : `token=${uri.token}`
}

/** A token as a URI, to be copied from a message; also keeps the token's text tame. */
function tokenText({ label, serial, slotId }: Token): string {
  return serializePkcs11Uri({ scheme: 'pkcs11', token: label, serial, slotId })
}
