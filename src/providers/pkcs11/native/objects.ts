/**
 * Key objects of a token, found by what a URI says of them.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../../errors.ts'
import {
  type Attribute,
  CKA_CERTIFICATE_TYPE,
  CKA_CLASS,
  CKA_ID,
  CKA_LABEL,
  CKC_X_509,
  CKO_CERTIFICATE,
  CKO_PRIVATE_KEY,
  CKO_PUBLIC_KEY,
  type Handle,
} from './cryptoki.ts'
import { returnValueOf } from './errors.ts'
import { CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID } from './return-values.ts'
import type { TokenSession } from './token.ts'
import { type Pkcs11Uri, serializePkcs11Uri } from '../uri.ts'

/** What names a key on its token. */
export type ObjectName = Pick<Pkcs11Uri, 'object' | 'id'>

/** One key object with the names it goes by. */
export interface KeyObjectOnToken {
  readonly handle: Handle
  readonly id: Uint8Array
  readonly label: string
}

/** More than a user could tell apart; only bounds the search. */
const MAX_OBJECTS = 100

/** Finds the private keys that match a name. */
export function findPrivateKeys(given: TokenSession, name: ObjectName): KeyObjectOnToken[] {
  return find(given, [{ type: CKA_CLASS, value: CKO_PRIVATE_KEY }], name)
}

/** Finds the public keys that match a name. */
export function findPublicKeys(given: TokenSession, name: ObjectName): KeyObjectOnToken[] {
  return find(given, [{ type: CKA_CLASS, value: CKO_PUBLIC_KEY }], name)
}

/** Finds the X.509 certificates that match a name. */
export function findCertificates(given: TokenSession, name: ObjectName): KeyObjectOnToken[] {
  const kind = [
    { type: CKA_CLASS, value: CKO_CERTIFICATE },
    { type: CKA_CERTIFICATE_TYPE, value: CKC_X_509 },
  ]
  return find(given, kind, name)
}

/**
 * Finds the one private key that matches a name.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND — none does; ERR_KEY_URI_INVALID — several do
 */
export function findPrivateKey(given: TokenSession, name: ObjectName): KeyObjectOnToken {
  const key = onlyOne(findPrivateKeys(given, name), name)
  if (key !== undefined) return key
  const present = candidates(findPrivateKeys(given, {}))
  const isCertified = findCertificates(given, name).length > 0
  throw new CountersignError('ERR_KEY_NOT_FOUND', `no private key matches ${nameText(name)}`, {
    hint: present === '' ? 'the token holds no private key at all' : `the token holds ${present}`,
    details: { provider: 'pkcs11', cause: isCertified ? 'certificate-only' : 'key-absent' },
  })
}

/**
 * The one key among those found, or undefined if none was found.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — there are several
 */
export function onlyOne(
  found: readonly KeyObjectOnToken[],
  name: ObjectName,
): KeyObjectOnToken | undefined {
  if (found.length < 2) return found[0]
  throw new CountersignError('ERR_KEY_URI_INVALID', `several keys match ${nameText(name)}`, {
    details: { provider: 'pkcs11', cause: 'key-ambiguous' },
    hint: `add id=… or object=… to the key reference: ${candidates(found)}`,
  })
}

function find(
  given: TokenSession,
  kind: readonly Attribute[],
  name: ObjectName,
): KeyObjectOnToken[] {
  const { cryptoki, session } = given
  const template = [...kind]
  if (name.object !== undefined) template.push({ type: CKA_LABEL, value: name.object })
  if (name.id !== undefined) template.push({ type: CKA_ID, value: Buffer.from(name.id) })
  cryptoki.C_FindObjectsInit(session, template)
  const handles: Handle[] = []
  try {
    // Modules may give fewer at a time than they are asked for.
    let batch: Handle[]
    do {
      batch = cryptoki.C_FindObjects(session, MAX_OBJECTS)
      handles.push(...batch)
    } while (batch.length > 0 && handles.length < MAX_OBJECTS)
  } finally {
    cryptoki.C_FindObjectsFinal(session)
  }
  return handles.map((handle) => ({
    handle,
    id: readAttribute(given, handle, CKA_ID) ?? Buffer.alloc(0),
    label: readAttribute(given, handle, CKA_LABEL)?.toString('utf8') ?? '',
  }))
}

/** Reads one attribute; undefined where the object has none or keeps it secret. */
export function readAttribute(
  { cryptoki, session }: TokenSession,
  object: Handle,
  type: number,
): Buffer | undefined {
  try {
    return cryptoki.C_GetAttributeValue(session, object, [{ type }])[0]?.value
  } catch (error) {
    const value = returnValueOf(error)
    if (value === CKR_ATTRIBUTE_TYPE_INVALID || value === CKR_ATTRIBUTE_SENSITIVE) return undefined
    throw error
  }
}

/** A key's name as the part of a URI, to be copied from a message; also keeps the token's text tame. */
export function nameText({ object, id }: ObjectName): string {
  const named = { ...(object === undefined ? {} : { object }), ...(id === undefined ? {} : { id }) }
  return serializePkcs11Uri({ scheme: 'pkcs11', ...named })
}

function candidates(keys: readonly KeyObjectOnToken[]): string {
  return keys.map(({ label, id }) => nameText({ object: label, id })).join(' ')
}
