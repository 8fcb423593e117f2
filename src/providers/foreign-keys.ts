/**
 * Keys in forms that are not read, recognized so that an error can give the command that converts one.
 *
 * @packageDocumentation
 */
import { readCertificateKey } from '../crypto/certificate.ts'
import { findPemBlocks } from '../crypto/pem.ts'
import { parsePublicKeyPkcs1, parsePublicKeySpki } from '../crypto/public-key.ts'
import { quotePathForShell } from '../formats/shell-word.ts'

/** A form that is not read. */
export interface ForeignKey {
  readonly form: string
  /** Ends with a command, in which FILE stands for the file's name. */
  readonly hint: string
}

/** A public key is printed by each of these commands; FILE stands for the file's name. */
const PEM_FORMS: Readonly<Record<string, readonly [form: string, command: string]>> = {
  CERTIFICATE: ['a certificate', 'openssl x509 -in FILE -noout -pubkey'],
  'X509 CERTIFICATE': ['a certificate', 'openssl x509 -in FILE -noout -pubkey'],
  'TRUSTED CERTIFICATE': ['a certificate', 'openssl x509 -in FILE -noout -pubkey'],
  'CERTIFICATE REQUEST': ['a certificate request', 'openssl req -in FILE -noout -pubkey'],
  'NEW CERTIFICATE REQUEST': ['a certificate request', 'openssl req -in FILE -noout -pubkey'],
  'PRIVATE KEY': ['a private key', 'openssl pkey -in FILE -pubout'],
  'ENCRYPTED PRIVATE KEY': ['a private key', 'openssl pkey -in FILE -pubout'],
  'EC PRIVATE KEY': ['a private key', 'openssl pkey -in FILE -pubout'],
  'RSA PRIVATE KEY': ['a private key', 'openssl pkey -in FILE -pubout'],
  'OPENSSH PRIVATE KEY': ['an OpenSSH private key', 'ssh-keygen -e -m PKCS8 -f FILE'],
  'RSA PUBLIC KEY': ['a PKCS#1 public key', 'openssl rsa -RSAPublicKey_in -in FILE -pubout'],
}

const DER_FORMS: readonly (readonly [
  read: (der: Uint8Array) => unknown,
  form: string,
  command: string,
])[] = [
  [parsePublicKeySpki, 'a public key in DER', 'openssl pkey -pubin -inform DER -in FILE -pubout'],
  [readCertificateKey, 'a certificate in DER', 'openssl x509 -inform DER -in FILE -noout -pubkey'],
  [
    parsePublicKeyPkcs1,
    'a PKCS#1 public key in DER',
    'openssl rsa -RSAPublicKey_in -inform DER -in FILE -pubout',
  ],
]

/** DER of an Ed25519 key up to the key itself, for printf: ssh-keygen exports none of this type. */
const ED25519_PREFIX = String.raw`\60\52\60\5\6\3\53\145\160\3\41\0`

/** Recognizes what is given as a public key. The content may be attacker-controlled. */
export function findForeignPublicKey(content: Uint8Array): ForeignKey | undefined {
  const found = ofBytes(content) ?? ofText(Buffer.from(content).toString('utf8'))
  if (found === undefined) return undefined
  const [form, command] = found
  return { form, hint: `make a public key of it: ${command}` }
}

/** Writes the file's name into a command. */
export function forFile(command: string, path: string): string {
  return command.replaceAll('FILE', () => quotePathForShell(path))
}

type Form = readonly [form: string, command: string]

function ofBytes(content: Uint8Array): Form | undefined {
  const [first, second] = content
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return ['UTF-16', 'iconv -f UTF-16 -t UTF-8 FILE']
  }
  if (first !== 0x30) return undefined
  const known = DER_FORMS.find(([read]) => succeeds(() => read(content)))
  return known === undefined
    ? ['DER', 'openssl pkey -inform DER -in FILE -pubout']
    : [known[1], known[2]]
}

function ofText(text: string): Form | undefined {
  const [block] = findPemBlocks(text)
  if (block !== undefined) {
    return Object.hasOwn(PEM_FORMS, block.label) ? PEM_FORMS[block.label] : undefined
  }
  const line = text.trim()
  if (line.startsWith('ssh-ed25519 ')) {
    const key = "cut -d' ' -f2 FILE | base64 -d | tail -c 32"
    const convert = 'openssl pkey -pubin -inform DER -pubout'
    return ['an OpenSSH public key', `(printf '${ED25519_PREFIX}'; ${key}) | ${convert}`]
  }
  if (/^(?:ssh-rsa|ecdsa-sha2-nistp\d+) /.test(line)) {
    return ['an OpenSSH public key', 'ssh-keygen -e -m PKCS8 -f FILE']
  }
  const bare = Buffer.from(line, 'base64')
  return /^[A-Za-z0-9+/=\s]+$/.test(line) && bare[0] === 0x30
    ? ['base64 without PEM lines', 'base64 -d FILE | openssl pkey -pubin -inform DER -pubout']
    : undefined
}

function succeeds(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch {
    // Another form, then.
    return false
  }
}

/** Recognizes what is given as a private key. */
export function findForeignPrivateKey(content: Uint8Array): ForeignKey | undefined {
  const text = Buffer.from(content).toString('utf8')
  const label = findPemBlocks(text).find((one) => one.label.endsWith('PRIVATE KEY'))?.label ?? ''
  if (label === 'OPENSSH PRIVATE KEY') {
    const command = 'ssh-keygen -p -m PKCS8 -f FILE'
    return {
      form: 'an OpenSSH private key',
      hint: `this converts the file itself, so keep a copy: ${command}`,
    }
  }
  if (/^ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY$/.test(label)) {
    const command = 'cosign public-key --key FILE'
    return {
      form: "cosign's own encrypted form",
      hint: `sign with a new key, and verify with the public half: ${command}`,
    }
  }
  if (content[0] !== 0x30) return undefined
  const command = 'openssl pkey -inform DER -in FILE'
  return { form: 'DER', hint: `make a PEM file of it: ${command}` }
}
