/**
 * Verifier keys of signed notes (C2SP signed-note): one line of text, `name+id+key`, that pins name,
 * signature type and public key. Known types: Ed25519 (1, what countersign's log signs with), ECDSA (2,
 * as Rekor v1) and cosignature/v1 (4, what witnesses add).
 *
 * @packageDocumentation
 */
import { decodeBase64, encodeBase64 } from '../crypto/base64.ts'
import { hashBytes } from '../crypto/digest.ts'
import { type PublicKeyInfo, parsePublicKeySpki } from '../crypto/public-key.ts'
import { verifyMessage, verifyX509Message } from '../crypto/verify.ts'
import { CountersignError } from '../errors.ts'
import { cosignedMessage, readCosignature } from './cosignature.ts'

/** A key that a reader of notes trusts, by the name it signs under. */
export interface NoteKey {
  readonly name: string
  /** Four bytes that point to the key beside its name. */
  readonly id: Uint8Array
  /** Text form. */
  readonly vkey: string
  /** Whether it signs a note's text as a log does, or cosigns it as a witness does. */
  readonly kind: 'signature' | 'cosignature'
  readonly key: PublicKeyInfo
  /** Whether a signature over a note's text is this key's. */
  readonly verify: (text: Uint8Array, signature: Uint8Array) => boolean
}

/** One type of signature: how its keys and ids are read, and how it is checked. */
interface SignatureType {
  readonly readKey: (bytes: Uint8Array) => PublicKeyInfo
  readonly keyId: (name: string, typedKey: Uint8Array) => Uint8Array
  readonly verify: (key: PublicKeyInfo, text: Uint8Array, signature: Uint8Array) => boolean
}

const ED25519 = 1
const COSIGNATURE = 4
const ID_BYTES = 4
/** SubjectPublicKeyInfo of Ed25519 up to the 32 bytes of the key itself (RFC 8410 section 4). */
const ED25519_SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex')

/** Every type that is known; a key of another one is refused. */
const TYPES: ReadonlyMap<number, SignatureType> = new Map([
  [ED25519, { readKey: readEd25519, keyId: noteKeyId, verify: verifyMessage }],
  [
    2,
    {
      readKey: (spki) => parsePublicKeySpki(spki, 'ES256'),
      // Older than the rule for ids: the key alone is hashed, without name and type.
      keyId: (_name, typedKey) => hashBytes('sha256', typedKey.subarray(1)).subarray(0, ID_BYTES),
      verify: verifyX509Message,
    },
  ],
  [COSIGNATURE, { readKey: readEd25519, keyId: noteKeyId, verify: verifyCosignature }],
])

function malformed(why: string, cause?: unknown): CountersignError {
  return new CountersignError('ERR_NOTE_INVALID', `malformed verifier key: ${why}`, {
    hint: 'a verifier key is one line of the form name+id+key, as the owner of the log publishes it',
    cause,
  })
}

/** Whether a text may name a key: it is not empty and holds neither a blank nor a plus. */
export function isNoteKeyName(name: string): boolean {
  return name !== '' && name.isWellFormed() && !/[\s\u0085+]/u.test(name)
}

/**
 * Parses a verifier key. Its id must be that of the key, so a mistyped key is found here.
 *
 * @throws {@link CountersignError} ERR_NOTE_INVALID — malformed, an unknown type, or an id of another key
 *
 * @example
 * ```ts
 * import { parseNoteKey } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const witness = parseNoteKey((await readFile('log/witness.vkey', 'utf8')).trim())
 * console.log(witness.kind) // cosignature
 * ```
 */
export function parseNoteKey(vkey: string): NoteKey {
  const [, name = '', hex = '', base64 = ''] =
    /^([^+]*)\+([0-9a-f]{8})\+(.{1,512})$/.exec(vkey) ?? []
  if (!isNoteKeyName(name)) throw malformed('it is not of the form name+id+key')
  const typedKey = decodeBase64(base64)
  if (typedKey === undefined) throw malformed('its key is not base64')
  const type = TYPES.get(typedKey[0] ?? 0)
  if (type === undefined) throw malformed(`signatures of type ${typedKey[0] ?? 0} are not known`)
  const id = type.keyId(name, typedKey)
  if (!Buffer.from(id).equals(Buffer.from(hex, 'hex'))) throw malformed('its id is of another key')
  const key = readKey(type, typedKey.subarray(1))
  const kind = typedKey[0] === COSIGNATURE ? 'cosignature' : 'signature'
  const verify: NoteKey['verify'] = (text, signature) => type.verify(key, text, signature)
  return { name, id, vkey, kind, key, verify }
}

/**
 * Makes the verifier key of a log: its Ed25519 key under the origin its checkpoints are signed with.
 *
 * @throws {@link CountersignError} ERR_ALGORITHM_UNSUPPORTED — the key is of another algorithm;
 * ERR_NOTE_INVALID — the origin is empty or holds a blank or a plus
 */
export function logVerifierKey(origin: string, key: PublicKeyInfo): NoteKey {
  return ed25519VerifierKey(origin, key, ED25519)
}

/**
 * Makes the verifier key of a witness: its Ed25519 key under the name it cosigns with.
 *
 * @throws {@link CountersignError} as {@link logVerifierKey}
 */
export function witnessVerifierKey(name: string, key: PublicKeyInfo): NoteKey {
  return ed25519VerifierKey(name, key, COSIGNATURE)
}

function ed25519VerifierKey(name: string, key: PublicKeyInfo, type: number): NoteKey {
  if (key.algorithm.family !== 'ed25519') {
    const what = type === ED25519 ? 'a log' : 'a witness'
    const message = `${what} signs with EdDSA, not with ${key.algorithm.name}`
    throw new CountersignError('ERR_ALGORITHM_UNSUPPORTED', message, {
      hint: `give ${what} a key of its own with algorithm EdDSA`,
      details: { kid: key.kid, algorithm: key.algorithm.name },
    })
  }
  if (!isNoteKeyName(name)) throw malformed(`"${name.slice(0, 100)}" cannot be a name`)
  const typedKey = typedEd25519(key, type)
  const hex = Buffer.from(noteKeyId(name, typedKey)).toString('hex')
  return parseNoteKey(`${name}+${hex}+${encodeBase64(typedKey)}`)
}

/**
 * The id of an Ed25519 key of a Rekor v2 log, 32 bytes: all of the hash of which the id in a note is the
 * beginning.
 */
export function logKeyId(origin: string, key: PublicKeyInfo): Uint8Array {
  return hashKey(origin, typedEd25519(key, ED25519))
}

/** Whether a SubjectPublicKeyInfo is of an Ed25519 key: what signs checkpoints. */
export function isEd25519Spki(spki: Uint8Array): boolean {
  const head = ED25519_SPKI_HEAD
  return spki.length === head.length + 32 && head.equals(spki.subarray(0, head.length))
}

function typedEd25519({ spki }: PublicKeyInfo, type: number): Uint8Array {
  return Buffer.concat([Buffer.of(type), spki.subarray(ED25519_SPKI_HEAD.length)])
}

function hashKey(name: string, typedKey: Uint8Array): Uint8Array {
  return hashBytes('sha256', Buffer.concat([Buffer.from(`${name}\n`), typedKey]))
}

function noteKeyId(name: string, typedKey: Uint8Array): Uint8Array {
  return hashKey(name, typedKey).subarray(0, ID_BYTES)
}

function readKey(type: SignatureType, bytes: Uint8Array): PublicKeyInfo {
  try {
    return type.readKey(bytes)
  } catch (cause) {
    throw malformed('it holds no key of its type', cause)
  }
}

function readEd25519(bytes: Uint8Array): PublicKeyInfo {
  return parsePublicKeySpki(Buffer.concat([ED25519_SPKI_HEAD, bytes]), 'EdDSA')
}

function verifyCosignature(key: PublicKeyInfo, text: Uint8Array, signature: Uint8Array): boolean {
  const timed = readCosignature(signature)
  if (timed === undefined) return false
  return verifyMessage(key, cosignedMessage(timed.time, text), timed.signature)
}
