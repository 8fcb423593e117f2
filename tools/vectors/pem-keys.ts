/** Public keys in PEM (RFC 7468). */
import { ownPrivateKey, ownPublicKey } from '../../test/support/own-vectors.ts'
import { spkiOf, type Text, toCases } from './key-material.ts'
import { hex, type MadeGroup } from './made.ts'

function pemOf(key: string): string {
  return ownPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()
}

/** Blocks of one key, and files with more or less. */
export function pems(): MadeGroup {
  const pem = pemOf('p256')
  const lines = pem.split('\n')
  const body = lines.slice(1, -2).join('')
  const block = (content: string, label = 'PUBLIC KEY'): string =>
    `-----BEGIN ${label}-----\n${content}\n-----END ${label}-----\n`
  const right: readonly Text[] = [
    ...['p256', 'p384', 'p521', 'rsa2048', 'ed25519'].map(
      (key) => [key, `a key ${key}`, pemOf(key)] as const,
    ),
    ['crlf', 'lines that end in CR LF', pem.replaceAll('\n', '\r\n')],
    ['no-newline', 'no newline at the end', pem.trimEnd()],
    ['text-around', 'text before and after the block', `a key\n${pem}and its end\n`],
    ['one-line', 'the body in one line', block(body)],
  ]
  const ONE_KEY = 'a file holds one key in one block (ours)'
  const wrong: readonly Text[] = [
    ['two', 'two keys', pem + pemOf('p384'), ONE_KEY],
    ['twice', 'the same key twice', pem + pem, ONE_KEY],
    [
      'key-and-certificate',
      'a certificate after the key',
      pem + block(body, 'CERTIFICATE'),
      ONE_KEY,
    ],
    ['label-certificate', 'under the label of a certificate', block(body, 'CERTIFICATE')],
    ['label-rsa', 'under the label of an RSA key', block(body, 'RSA PUBLIC KEY')],
    ['label-private', 'under the label of a private key', block(body, 'PRIVATE KEY')],
    ['label-lower', 'a label in lower case', block(body, 'public key')],
    ['labels-differ', 'two labels', pem.replace('END PUBLIC', 'END PRIVATE')],
    ['no-end', 'without its last line', lines.slice(0, -2).join('\n')],
    ['no-begin', 'without its first line', lines.slice(1).join('\n')],
    ['four-dashes', 'four dashes', pem.replaceAll('-----', '----')],
    [
      'header',
      'a header in the block',
      block(`Proc-Type: 4,ENCRYPTED\n\n${body}`),
      'a block has no headers (RFC 7468 section 2)',
    ],
    [
      'unpadded',
      'base64 without its padding',
      block(body.replaceAll('=', '')),
      'base64 is padded (RFC 4648 section 3.2)',
    ],
    ['url-safe', 'base64url', block(body.replaceAll('+', '-').replaceAll('/', '_'))],
    ['star', 'a character outside of base64', block(body.replace('M', '*'))],
    ['nothing', 'no text', ''],
    ['no-body', 'a block without a body', block('')],
    ['der', 'hex of the DER', hex(spkiOf('p256'))],
    [
      'private',
      'a private key',
      ownPrivateKey('p256').export({ type: 'pkcs8', format: 'pem' }).toString(),
    ],
    [
      'unused-bits',
      'base64 with unused bits that are set',
      block(unusedBits(pemOf('ed25519-other'))),
      'unused bits are zero (RFC 4648 section 3.5)',
    ],
  ]
  return {
    group: 'PEM',
    kind: 'public-key',
    form: 'pem',
    cases: [...toCases(right, true), ...toCases(wrong, false)],
  }
}

/** The 44 bytes of an Ed25519 key leave four bits over; here they are not zero. */
function unusedBits(pem: string): string {
  const body = pem.split('\n').slice(1, -2).join('')
  const [start, last] = [body.slice(0, -2), body.at(-2) ?? '']
  return `${start}${String.fromCharCode(last.charCodeAt(0) + 1)}=`
}
