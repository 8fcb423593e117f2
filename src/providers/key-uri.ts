/**
 * Key references: the forms of a KEY on every surface, parsed strictly into one union.
 *
 * | form | meaning |
 * |---|---|
 * | `file:key.pem`, or a bare path | PKCS#8 private key, or a public key, in PEM |
 * | `awskms://[endpoint]/alias/NAME`, `…/KEY-ID`, `…/ARN` with `?region=&profile=` | AWS KMS |
 * | `pkcs11:token=…;object=…;id=%01?module-path=…&pin-source=…` | RFC 7512 |
 * | `env://NAME`, `https://host/kid.pem` | public keys, for verification only |
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import { type AwsKmsUri, parseAwsKmsUri, serializeAwsKmsUri } from './awskms/uri.ts'
import { type Pkcs11Uri, parsePkcs11Uri, serializePkcs11Uri } from './pkcs11/uri.ts'

/** A PEM file on this machine. */
export interface FileUri {
  readonly scheme: 'file'
  readonly path: string
}

/** A public key in an environment variable. */
export interface EnvUri {
  readonly scheme: 'env'
  readonly name: string
}

/** A public key at a web address: https, or http to this machine itself. */
export interface HttpsUri {
  readonly scheme: 'https'
  readonly url: string
}

/** Where a key lives. */
export type KeyUri = FileUri | AwsKmsUri | Pkcs11Uri | EnvUri | HttpsUri

function invalid(text: string, why: string): CountersignError {
  return new CountersignError('ERR_KEY_URI_INVALID', `not a key reference: "${text}": ${why}`, {
    hint: 'write a file path, awskms:///alias/NAME, pkcs11:token=…;object=…, env://NAME or https://…',
  })
}

/**
 * Parses a key reference.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — unknown scheme or malformed URI
 */
export function parseKeyUri(text: string): KeyUri {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(text)?.[1]?.toLowerCase()
  switch (scheme) {
    case undefined:
      return fileUri(text, text)
    case 'file':
      return fileUri(text, text.slice('file:'.length).replace(/^\/\/(?=\/)/, ''))
    case 'awskms':
      return parseAwsKmsUri(text)
    case 'pkcs11':
      return parsePkcs11Uri(text)
    case 'env':
      return envUri(text)
    case 'https':
    case 'http':
      return httpsUri(text)
    default:
      throw invalid(text, `unknown scheme "${scheme}"`)
  }
}

function fileUri(text: string, path: string): FileUri {
  if (path === '' || path.includes('\0')) throw invalid(text, 'the path is empty')
  return { scheme: 'file', path }
}

function envUri(text: string): EnvUri {
  const name = /^env:\/\/([A-Za-z_][A-Za-z0-9_]*)$/i.exec(text)?.[1]
  if (name === undefined) throw invalid(text, 'expected env://NAME')
  return { scheme: 'env', name }
}

function httpsUri(text: string): HttpsUri {
  if (!URL.canParse(text)) throw invalid(text, 'not a URL')
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') throw invalid('https://…', 'credentials in a URL')
  if (protocol !== 'https:' && !isLoopback(hostname)) throw invalid(text, 'expected https://')
  return { scheme: 'https', url: text }
}

/** Tells whether a host name, as URL gives it, is this machine itself; nothing needs to be resolved for it. */
function isLoopback(hostname: string): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
}

/** Writes a key reference so that {@link parseKeyUri} reads it back. */
export function serializeKeyUri(uri: KeyUri): string {
  switch (uri.scheme) {
    case 'file':
      return `file:${uri.path}`
    case 'env':
      return `env://${uri.name}`
    case 'https':
      return uri.url
    case 'awskms':
      return serializeAwsKmsUri(uri)
    case 'pkcs11':
      return serializePkcs11Uri(uri)
  }
}

/** Writes a key reference for people and logs: as {@link serializeKeyUri}, without a PIN. */
export function displayKeyUri(uri: KeyUri): string {
  const hasPin = uri.scheme === 'pkcs11' && uri.pinValue !== undefined
  return serializeKeyUri(hasPin ? { ...uri, pinValue: 'hidden' } : uri)
}

/**
 * Refuses a PIN inside a key reference that others can read: in a configuration file, a database, a log, or
 * on a command line, which every user of the machine can list.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — the reference has a `pin-value`
 */
export function assertNoPinValue(uri: KeyUri): void {
  if (uri.scheme !== 'pkcs11' || uri.pinValue === undefined) return
  throw new CountersignError('ERR_KEY_URI_INVALID', 'a key reference holds a PIN', {
    hint: 'put the PIN into a file of its own and write pin-source=file:/path instead of pin-value, or set COUNTERSIGN_PKCS11_PIN',
    details: { uri: displayKeyUri(uri) },
  })
}
