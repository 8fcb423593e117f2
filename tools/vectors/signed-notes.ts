/** Signed notes, verifier keys and checkpoints (C2SP signed-note, tlog-checkpoint, tlog-cosignature). */
import { sign } from 'node:crypto'
import { ownPrivateKey, ownPublicKey } from '../../test/support/own-vectors.ts'
import { digest, fixedBytes, type MadeCase, type MadeGroup, type Maker, toBytes } from './made.ts'

/** The vectors of notes. */
export const signedNotes: Maker = {
  format: 'signed-notes',
  made: 'Notes are in base64. Signed by the Ed25519 test keys under the names log.example and witness.example; then text, lines, names and ids are changed.',
  make: () => [notes(), noteKeys(), checkpoints()],
}

const LOG = 'log.example'
const WITNESS = 'witness.example'
const ROOT = fixedBytes('root', 32).toString('base64')
const TEXT = `${LOG}\n7\n${ROOT}\n`
const TIME = 1_772_600_767
const ONE_FORM = 'a note has one form (C2SP signed-note; ours)'

function pointOf(key: string): Buffer {
  return ownPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-32)
}

interface Identity {
  readonly name: string
  readonly key: string
  /** 1 of a log, 4 of a witness. */
  readonly type: number
}

const LOG_KEY: Identity = { name: LOG, key: 'ed25519', type: 1 }
const OTHER_KEY: Identity = { name: 'other.example', key: 'ed25519-other', type: 1 }
const WITNESS_KEY: Identity = { name: WITNESS, key: 'witness', type: 4 }

function idOf({ key, name, type }: Identity): Buffer {
  const typed = Buffer.concat([Buffer.of(type), pointOf(key)])
  return digest('sha256', Buffer.concat([Buffer.from(`${name}\n`), typed])).subarray(0, 4)
}

function vkeyOf(identity: Identity): string {
  const typed = Buffer.concat([Buffer.of(identity.type), pointOf(identity.key)])
  return `${identity.name}+${idOf(identity).toString('hex')}+${typed.toString('base64')}`
}

function line(identity: Identity, text = TEXT, id: Uint8Array = idOf(identity)): string {
  const key = ownPrivateKey(identity.key)
  const signature =
    identity.type === 1
      ? sign(null, Buffer.from(text), key)
      : Buffer.concat([
          toBytes(BigInt(TIME), 8),
          sign(null, Buffer.from(`cosignature/v1\ntime ${TIME}\n${text}`), key),
        ])
  return `— ${identity.name} ${Buffer.concat([id, signature]).toString('base64')}\n`
}

type Row = readonly [
  id: string,
  comment: string,
  note: string | Uint8Array,
  keys?: readonly Identity[],
  rule?: string,
]

function noteCase([id, comment, note, keys = [LOG_KEY], rule]: Row, valid: boolean): MadeCase {
  const data = Buffer.from(note).toString('base64')
  const about = rule === undefined ? {} : { rule }
  return { id, comment, data, keys: keys.map(vkeyOf), valid, ...about }
}

function notes(): MadeGroup {
  const own = line(LOG_KEY)
  const right: readonly Row[] = [
    ['one', 'one signature', `${TEXT}\n${own}`],
    [
      'two',
      'two signatures, both known',
      `${TEXT}\n${own}${line(OTHER_KEY)}`,
      [LOG_KEY, OTHER_KEY],
    ],
    ['unknown', 'a signature of an unknown key beside it', `${TEXT}\n${line(OTHER_KEY)}${own}`],
    [
      'unknown-broken',
      'a broken signature of an unknown key beside it',
      `${TEXT}\n${own}— x.example ${Buffer.alloc(9).toString('base64')}\n`,
    ],
    [
      'same-name',
      'another id under the same name',
      `${TEXT}\n${own}${line(LOG_KEY, TEXT, Buffer.of(1, 2, 3, 4))}`,
    ],
    [
      'cosigned',
      'a cosignature beside it',
      `${TEXT}\n${own}${line(WITNESS_KEY)}`,
      [LOG_KEY, WITNESS_KEY],
    ],
    [
      'witness-alone',
      'the witness alone is trusted',
      `${TEXT}\n${own}${line(WITNESS_KEY)}`,
      [WITNESS_KEY],
    ],
    [
      'any-text',
      'a text that is not a checkpoint',
      `any text\n\nof lines\n\n${line(LOG_KEY, 'any text\n\nof lines\n')}`,
    ],
    ['utf-8', 'other characters', `ключ\n\n${line(LOG_KEY, 'ключ\n')}`],
  ]
  const signed = (text: string): string => `${text}\n${line(LOG_KEY, text)}`
  const wrong: readonly Row[] = [
    ['not-signed', 'no signature', TEXT],
    ['blank-only', 'a blank line and no signature', `${TEXT}\n`],
    ['nothing', 'no text', ''],
    ['other-key', 'an unknown key alone', `${TEXT}\n${line(OTHER_KEY)}`],
    ['no-keys', 'no trusted key', `${TEXT}\n${own}`, []],
    ['other-text', 'the signature of another text', `${TEXT}\n${line(LOG_KEY, `${TEXT}x\n`)}`],
    [
      'known-broken',
      'one of two known signatures is broken',
      `${TEXT}\n${own}${line(OTHER_KEY, 'x\n')}`,
      [LOG_KEY, OTHER_KEY],
    ],
    [
      'twice-second-broken',
      'a second, broken signature of the same key',
      `${TEXT}\n${own}${line(LOG_KEY, 'x\n')}`,
      [LOG_KEY],
      'a signature that names a trusted key is right (C2SP signed-note)',
    ],
    ['other-name', 'the signature under another name', `${TEXT}\n${own.replace(LOG, 'x.example')}`],
    [
      'cosignature-as-log',
      'a cosignature under the key of a log',
      `${TEXT}\n${line({ ...WITNESS_KEY, name: LOG, key: 'ed25519' }, TEXT, idOf(LOG_KEY))}`,
    ],
    [
      'log-as-cosignature',
      'a signature of a log under the key of a witness',
      `${TEXT}\n${line({ ...LOG_KEY, key: 'witness', name: WITNESS }, TEXT, idOf(WITNESS_KEY))}`,
      [WITNESS_KEY],
    ],
    [
      'cosignature-other-time',
      'a cosignature with another time',
      `${TEXT}\n${withOtherTime()}`,
      [WITNESS_KEY],
    ],
    [
      'short',
      'a signature of four bytes',
      `${TEXT}\n— ${LOG} ${idOf(LOG_KEY).toString('base64')}\n`,
    ],
    ['cut', 'a signature without its last byte', `${TEXT}\n${cutSignature(own)}`],
    ['no-newline', 'no newline after the signature', `${TEXT}\n${own.trimEnd()}`],
    ['crlf', 'lines that end in CR LF', `${TEXT}\n${own}`.replaceAll('\n', '\r\n')],
    ['hyphen', 'a hyphen in the place of the dash', `${TEXT}\n${own.replace('—', '-')}`],
    ['two-blanks', 'two blanks in the line', `${TEXT}\n${own.replace(' ', '  ')}`],
    ['blank-after', 'a blank after the signature', `${TEXT}\n${own.replace('\n', ' \n')}`],
    [
      'base64url',
      'a signature in base64url',
      `${TEXT}\n${own.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`,
    ],
    ['text-after', 'text after the signatures', `${TEXT}\n${own}x\n`],
    [
      'blank-between',
      'a blank line between the signatures',
      `${TEXT}\n${own}\n${line(OTHER_KEY)}`,
      [LOG_KEY],
    ],
    ['no-blank', 'no blank line before the signature', `${TEXT}${own}`],
    ['text-changed', 'another size in the text', `${TEXT.replace('\n7\n', '\n8\n')}\n${own}`],
    ['text-more', 'a line more in the text', `${TEXT}x\n\n${own}`],
    ['text-newline', 'a newline more at the end of the text', `${TEXT}\n\n${own}`],
    ['control', 'a control character in the text', signed('a\u0001\n')],
    ['tab', 'a tab in the text', signed('a\tb\n')],
    [
      'not-utf-8',
      'text that is not UTF-8',
      Buffer.concat([Buffer.of(0xff, 0x0a, 0x0a), Buffer.from(own)]),
    ],
    [
      'too-many',
      '101 signatures',
      `${TEXT}\n${own}${Array.from({ length: 100 }, (_, index) => `— x${index} AAAAAAA=\n`).join('')}`,
    ],
    ['name-plus', 'a plus in a name', `${TEXT}\n${own}— a+b AAAAAAA=\n`],
    [
      'unused-bits',
      'unused bits of a signature that are set',
      `${TEXT}\n${own}— x AAAAAAB=\n`,
      [LOG_KEY],
      ONE_FORM,
    ],
  ]
  return {
    group: 'notes',
    kind: 'note',
    cases: [
      ...right.map((row) => noteCase(row, true)),
      ...wrong.map((row) => noteCase(row, false)),
    ],
  }
}

function bytesOf(written: string): Buffer {
  return Buffer.from(written.trimEnd().split(' ').at(-1) ?? '', 'base64')
}

function withOtherTime(): string {
  const bytes = bytesOf(line(WITNESS_KEY))
  bytes.writeUInt8(bytes.readUInt8(11) ^ 1, 11)
  return `— ${WITNESS} ${bytes.toString('base64')}\n`
}

function cutSignature(written: string): string {
  return `— ${LOG} ${bytesOf(written).subarray(0, -1).toString('base64')}\n`
}

function toCases(
  rows: readonly (readonly [string, string, string, string?])[],
  valid: boolean,
): readonly MadeCase[] {
  return rows.map(([id, comment, data, rule]) => ({
    id,
    comment,
    data,
    valid,
    ...(rule !== undefined && { rule }),
  }))
}

function noteKeys(): MadeGroup {
  const right = vkeyOf(LOG_KEY)
  const [name = '', id = '', base64 = ''] = right.split('+', 3)
  const typed = Buffer.concat([Buffer.of(1), pointOf('ed25519')])
  const made = (bytes: Uint8Array, under = LOG): string => {
    const hash = digest('sha256', Buffer.concat([Buffer.from(`${under}\n`), bytes])).subarray(0, 4)
    return `${under}+${hash.toString('hex')}+${Buffer.from(bytes).toString('base64')}`
  }
  const SMALL = 'a point of small order is refused (ours)'
  return {
    group: 'verifier keys',
    kind: 'note-key',
    cases: [
      ...toCases(
        [
          ['log', 'the key of a log', made(typed)],
          ['witness', 'the key of a witness', vkeyOf(WITNESS_KEY)],
          [
            'name',
            'a name with other characters',
            vkeyOf({ ...LOG_KEY, name: 'log.example/ключ' }),
          ],
        ],
        true,
      ),
      ...toCases(
        [
          ['nothing', 'no text', ''],
          ['no-id', 'no id', `${name}+${base64}`],
          ['no-name', 'no name', `+${id}+${base64}`],
          ['no-key', 'no key', `${name}+${id}+`],
          ['other-id', 'the id of another key', `${name}+00000000+${base64}`],
          ['upper-id', 'the id in upper case', `${name}+${id.toUpperCase()}+${base64}`, ONE_FORM],
          ['short-id', 'an id of three bytes', `${name}+${id.slice(2)}+${base64}`],
          ['long-id', 'an id of five bytes', `${name}+${id}00+${base64}`],
          ['other-name', 'the id of another name', `x${right}`],
          ['blank', 'a blank in the name', made(typed, 'log example')],
          ['newline', 'a line end after it', `${right}\n`, ONE_FORM],
          ['type-0', 'a key of type 0', made(Buffer.concat([Buffer.of(0), pointOf('ed25519')]))],
          ['type-3', 'a key of type 3', made(Buffer.concat([Buffer.of(3), pointOf('ed25519')]))],
          [
            'type-255',
            'a key of type 255',
            made(Buffer.concat([Buffer.of(255), pointOf('ed25519')])),
          ],
          ['no-type', 'a key without its type', made(pointOf('ed25519'))],
          ['short', 'a key of 31 bytes', made(typed.subarray(0, 32))],
          ['long', 'a key of 33 bytes', made(Buffer.concat([typed, Buffer.of(0)]))],
          [
            'small-order',
            'a point of small order',
            made(Buffer.concat([Buffer.of(1, 1), Buffer.alloc(31)])),
            SMALL,
          ],
          ['star', 'a character outside of base64', `${right.slice(0, -1)}*`],
        ],
        false,
      ),
    ],
  }
}

function checkpoints(): MadeGroup {
  const SIZE =
    'a size is a decimal number up to 2^53 - 1 without leading zeros (C2SP tlog-checkpoint; ours)'
  const root = (text: string): string => `${LOG}\n7\n${text}\n`
  return {
    group: 'checkpoints',
    kind: 'checkpoint',
    cases: [
      ...toCases(
        [
          ['plain', 'origin, size and root', TEXT],
          ['empty-log', 'size 0', `${LOG}\n0\n${ROOT}\n`],
          ['large', 'the size 2^53 - 1', `${LOG}\n9007199254740991\n${ROOT}\n`],
          ['extension', 'a line more', `${TEXT}extension 1\n`],
          ['extensions', 'lines more', `${TEXT}a b\nc\n`],
          ['origin', 'an origin with a path', `example.com/log/2026\n7\n${ROOT}\n`],
        ],
        true,
      ),
      ...toCases(
        [
          ['nothing', 'no text', ''],
          ['no-origin', 'an empty origin', `\n7\n${ROOT}\n`],
          ['two-lines', 'no root', `${LOG}\n7\n`],
          ['one-line', 'the origin alone', `${LOG}\n`],
          ['no-newline', 'no newline at the end', TEXT.trimEnd()],
          ['crlf', 'lines that end in CR LF', TEXT.replaceAll('\n', '\r\n')],
          ['size-empty', 'an empty size', `${LOG}\n\n${ROOT}\n`],
          ['size-negative', 'a negative size', `${LOG}\n-1\n${ROOT}\n`],
          ['size-plus', 'a size with a plus', `${LOG}\n+7\n${ROOT}\n`],
          ['size-zero', 'a size with a leading zero', `${LOG}\n07\n${ROOT}\n`, SIZE],
          ['size-hex', 'a size in hex', `${LOG}\n0x7\n${ROOT}\n`],
          ['size-exponent', 'a size with an exponent', `${LOG}\n1e3\n${ROOT}\n`],
          ['size-fraction', 'a size with a fraction', `${LOG}\n7.0\n${ROOT}\n`],
          ['size-blank', 'a blank before the size', `${LOG}\n 7\n${ROOT}\n`],
          ['size-text', 'a size in words', `${LOG}\nseven\n${ROOT}\n`],
          ['size-2-53', 'the size 2^53', `${LOG}\n9007199254740992\n${ROOT}\n`, SIZE],
          ['size-2-64', 'the size 2^64', `${LOG}\n18446744073709551616\n${ROOT}\n`],
          ['root-hex', 'a root in hex with a sign that is not base64', root('!'.repeat(44))],
          ['root-cut', 'a root without its last character', root(ROOT.slice(0, -1))],
          ['root-url', 'a root in base64url', root(Buffer.alloc(32, 0xff).toString('base64url'))],
          ['root-blank', 'a blank in the root', root(`${ROOT.slice(0, 5)} ${ROOT.slice(5)}`)],
          [
            'root-bits',
            'unused bits of the root that are set',
            root(`${Buffer.alloc(32).toString('base64').slice(0, -2)}B=`),
            'unused bits are zero (RFC 4648 section 3.5)',
          ],
          [
            'root-empty',
            'an empty root',
            root(''),
            'a root is a hash (C2SP tlog-checkpoint; ours)',
          ],
        ],
        false,
      ),
    ],
  }
}
