/** in-toto statements: every member missing, of another type and of another value. */
import type { MadeCase, Maker } from './made.ts'

/** The vectors of statements. */
export const statements: Maker = {
  format: 'statements',
  made: 'Written by tools/vectors/statements.ts; a right statement changed in one member at a time.',
  make: () => [
    {
      group: 'statements',
      kind: 'statement',
      cases: [...toCases(right(), true), ...toCases(wrong(), false)],
    },
  ],
}

const TYPE = 'https://in-toto.io/Statement/v1'
const SUBJECT = { name: 'app.tgz', digest: { sha256: 'ab'.repeat(32) } }
const GOOD = {
  _type: TYPE,
  subject: [SUBJECT],
  predicateType: 'https://example.com/review/v1',
  predicate: { approved: true },
}
const TEXT = JSON.stringify(GOOD)
const STRICT = 'members are unique and of their type (ours)'
const HEX = 'a digest is lower-case hex of its full length (in-toto spec/v1 digest_set)'

type Row = readonly [id: string, comment: string, statement: unknown, rule?: string]

function toCases(rows: readonly Row[], valid: boolean): readonly MadeCase[] {
  return rows.map(([id, comment, statement, rule]) => {
    const data = typeof statement === 'string' ? statement : JSON.stringify(statement)
    return { id, comment, data, valid, ...(rule !== undefined && { rule }) }
  })
}

function withDigest(digest: unknown): object {
  return { ...GOOD, subject: [{ ...SUBJECT, digest }] }
}

function right(): readonly Row[] {
  return [
    ['one', 'one subject', GOOD],
    ['two', 'two subjects', { ...GOOD, subject: [SUBJECT, { ...SUBJECT, name: 'b' }] }],
    ['no-name', 'a subject without a name', { ...GOOD, subject: [{ digest: SUBJECT.digest }] }],
    [
      'digests',
      'several digests',
      withDigest({ sha256: 'ab'.repeat(32), sha512: 'cd'.repeat(64) }),
    ],
    ['git', 'a git commit', withDigest({ gitCommit: 'ab'.repeat(20) })],
    ['other-digest', 'an algorithm that is not known', withDigest({ 'x-tree': 'abc' })],
    ['annotations', 'annotations', { ...GOOD, subject: [{ ...SUBJECT, annotations: { a: 1 } }] }],
    ['empty-predicate', 'an empty predicate', { ...GOOD, predicate: {} }],
    [
      'no-predicate',
      'no predicate',
      { ...GOOD, predicate: undefined },
      'a predicate is optional (in-toto spec/v1 statement)',
    ],
    [
      'version-0.1',
      'of version 0.1',
      { ...GOOD, _type: 'https://in-toto.io/Statement/v0.1' },
      'statements of version 0.1 are read (ours)',
    ],
    ['blanks', 'blanks in the JSON', JSON.stringify(GOOD, undefined, 2)],
  ]
}

function wrong(): readonly Row[] {
  const missing = ['_type', 'subject', 'predicateType'].map((name): Row => [
    `no-${name}`,
    `no "${name}"`,
    { ...GOOD, [name]: undefined },
  ])
  const nulls = ['_type', 'subject', 'predicateType'].map((name): Row => [
    `null-${name}`,
    `"${name}" is null`,
    { ...GOOD, [name]: null },
  ])
  const numbers = ['_type', 'subject', 'predicateType', 'predicate'].map((name): Row => [
    `number-${name}`,
    `"${name}" is a number`,
    { ...GOOD, [name]: 1 },
  ])
  return [
    ...missing,
    ...nulls,
    ...numbers,
    ['type-v2', 'another version', { ...GOOD, _type: 'https://in-toto.io/Statement/v2' }],
    ['type-link', 'of the type Link', { ...GOOD, _type: 'https://in-toto.io/Link/v1' }],
    ['type-slash', 'the type with a slash', { ...GOOD, _type: `${TYPE}/` }],
    ['type-case', 'the type in upper case', { ...GOOD, _type: TYPE.toUpperCase() }],
    ['subject-none', 'no subject', { ...GOOD, subject: [] }],
    ['subject-object', 'an object of subjects', { ...GOOD, subject: SUBJECT }],
    ['subject-null', 'a subject that is null', { ...GOOD, subject: [null] }],
    ['subject-text', 'a subject that is a text', { ...GOOD, subject: ['app.tgz'] }],
    ['name-number', 'a name that is a number', { ...GOOD, subject: [{ ...SUBJECT, name: 1 }] }],
    ['no-digest', 'a subject without a digest', { ...GOOD, subject: [{ name: 'app.tgz' }] }],
    ['digest-none', 'an empty set of digests', withDigest({})],
    ['digest-list', 'a list of digests', withDigest(['ab'.repeat(32)])],
    ['digest-number', 'a digest that is a number', withDigest({ sha256: 1 })],
    ['digest-empty', 'an empty digest', withDigest({ sha256: '' })],
    ['digest-short', 'a digest without its last byte', withDigest({ sha256: 'ab'.repeat(31) })],
    [
      'digest-odd',
      'a digest of an odd number of digits',
      withDigest({ sha256: 'ab'.repeat(32).slice(1) }),
    ],
    ['digest-long', 'a digest of one byte more', withDigest({ sha256: 'ab'.repeat(33) })],
    ['digest-upper', 'a digest in upper case', withDigest({ sha256: 'AB'.repeat(32) }), HEX],
    ['digest-not-hex', 'a digest that is not hex', withDigest({ sha256: 'xy'.repeat(32) })],
    [
      'digest-base64',
      'a digest in base64',
      withDigest({ sha256: Buffer.alloc(32, 0xab).toString('base64') }),
    ],
    [
      'digest-prefix',
      'a digest with its algorithm',
      withDigest({ sha256: `sha256:${'ab'.repeat(32)}` }),
    ],
    [
      'second-bad',
      'a second subject without a digest',
      { ...GOOD, subject: [SUBJECT, { name: 'b' }] },
    ],
    ['predicate-type-empty', 'an empty predicate type', { ...GOOD, predicateType: '' }],
    ['predicate-list', 'a predicate that is a list', { ...GOOD, predicate: [] }],
    ['predicate-text', 'a predicate that is a text', { ...GOOD, predicate: 'approved' }],
    ['type-twice', '"_type" named twice', `{"_type":"${TYPE}",${TEXT.slice(1)}`, STRICT],
    ['subject-twice', '"subject" named twice', `{"subject":[],${TEXT.slice(1)}`, STRICT],
    [
      'digest-twice',
      'a digest named twice',
      TEXT.replace('"sha256":', `"sha256":"${'cd'.repeat(32)}","sha256":`),
      STRICT,
    ],
    ['list', 'a list of statements', `[${TEXT}]`],
    ['null', 'null', 'null'],
    ['nothing', 'no text', ''],
    ['trailing', 'a second statement', TEXT + TEXT],
    ['comma', 'a comma too many', `${TEXT.slice(0, -1)},}`],
    ['bom', 'a byte order mark', `\ufeff${TEXT}`],
  ]
}
