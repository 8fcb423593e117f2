/** PKCS#11 URIs (RFC 7512): attributes, escapes and characters. */
import type { MadeCase, Maker } from './made.ts'

/** The vectors of PKCS#11 URIs. */
export const pkcs11Uris: Maker = {
  format: 'pkcs11-uris',
  made: 'Written by tools/vectors/pkcs11-uris.ts along the grammar of RFC 7512.',
  make: () => [
    {
      group: 'URIs',
      kind: 'pkcs11-uri',
      cases: [...toCases(RIGHT, true), ...toCases(WRONG, false)],
    },
  ],
}

type Row = readonly [id: string, comment: string, data: string, rule?: string]

function toCases(rows: readonly Row[], valid: boolean): readonly MadeCase[] {
  return rows.map(([id, comment, data, rule]) => ({
    id,
    comment,
    data,
    valid,
    ...(rule !== undefined && { rule }),
  }))
}

const GRAMMAR = 'attributes are NAME=VALUE in the characters of RFC 7512 section 2.3'
const UTF8 = 'texts are UTF-8 (RFC 7512 section 2.3)'
const VALUES = 'an attribute has the values of RFC 7512 section 2.3'
const VENDORS = 'attributes that are not known are allowed (RFC 7512 section 2.3)'

const RIGHT: readonly Row[] = [
  ['empty', 'no attribute', 'pkcs11:'],
  ['token', 'a token', 'pkcs11:token=one'],
  ['object', 'a token and an object', 'pkcs11:token=one;object=key'],
  ['query', 'a module', 'pkcs11:token=one;object=key?module-path=/usr/lib/softhsm/libsofthsm2.so'],
  [
    'queries',
    'a module and a PIN source',
    'pkcs11:token=one?module-name=softhsm2&pin-source=file:/etc/pin',
  ],
  ['id', 'an id of bytes', 'pkcs11:token=one;id=%01%ff%00'],
  ['escaped', 'escapes', 'pkcs11:token=a%20b%3bc;object=%2F'],
  ['utf-8', 'UTF-8 in escapes', 'pkcs11:token=%d0%ba%d0%bb%d1%8e%d1%87'],
  ['type', 'a type', 'pkcs11:token=one;object=key;type=private'],
  ['slot', 'a slot', 'pkcs11:slot-id=3'],
  [
    'library',
    'a library',
    'pkcs11:library-manufacturer=a;library-description=b;library-version=2.40',
  ],
  ['slot-texts', 'texts of the slot', 'pkcs11:slot-manufacturer=a;slot-description=b'],
  ['token-texts', 'texts of the token', 'pkcs11:manufacturer=a;serial=b;model=c'],
  ['empty-value', 'an empty value', 'pkcs11:token=;object=key'],
  [
    'equals',
    'an equals sign in a value',
    'pkcs11:token=a=b',
    'the path allows "=" in a value (RFC 7512 section 2.3)',
  ],
  ['vendor', 'an attribute of a vendor', 'pkcs11:token=one;x-vendor=1', VENDORS],
  ['vendor-query', 'a query of a vendor', 'pkcs11:token=one?x-vendor=1', VENDORS],
  ['ampersand', 'an ampersand in the path', 'pkcs11:token=a&b'],
  ['reserved', 'every character of a path', "pkcs11:token=:[]@!$'()*+,&"],
]

const WRONG: readonly Row[] = [
  ['nothing', 'no text', ''],
  ['scheme', 'another scheme', 'pkcs12:token=one'],
  ['no-scheme', 'no scheme', 'token=one'],
  ['slashes', 'slashes after the scheme', 'pkcs11://token=one', GRAMMAR],
  ['no-equals', 'an attribute without a value', 'pkcs11:token', GRAMMAR],
  ['no-name', 'a value without a name', 'pkcs11:=one', GRAMMAR],
  ['semicolon-after', 'a semicolon at the end', 'pkcs11:token=one;', GRAMMAR],
  ['semicolons', 'two semicolons', 'pkcs11:token=one;;object=key', GRAMMAR],
  ['twice', 'a token twice', 'pkcs11:token=one;token=two'],
  ['blank', 'a blank', 'pkcs11:token=a b', GRAMMAR],
  ['newline', 'a line end', 'pkcs11:token=one\n', GRAMMAR],
  ['quote', 'a quote', 'pkcs11:token="one"', GRAMMAR],
  ['angle', 'an angle bracket', 'pkcs11:token=<one>', GRAMMAR],
  ['unicode', 'a character that is not escaped', 'pkcs11:token=ключ', GRAMMAR],
  ['slash-path', 'a slash in the path', 'pkcs11:token=a/b', GRAMMAR],
  ['fragment', 'a fragment', 'pkcs11:token=one#two', GRAMMAR],
  ['percent', 'a percent sign alone', 'pkcs11:token=100%'],
  ['percent-one', 'an escape of one digit', 'pkcs11:token=%2'],
  ['percent-not-hex', 'an escape that is not hex', 'pkcs11:token=%zz'],
  ['not-utf-8', 'a text that is not UTF-8', 'pkcs11:token=%ff', UTF8],
  ['overlong', 'an overlong encoding', 'pkcs11:token=%c0%80', UTF8],
  ['slot-text', 'a slot that is not a number', 'pkcs11:slot-id=one'],
  ['slot-negative', 'a negative slot', 'pkcs11:slot-id=-1', VALUES],
  ['version-text', 'a version of letters', 'pkcs11:library-version=two', VALUES],
  ['version-large', 'a version over 255', 'pkcs11:library-version=256', VALUES],
  ['version-three', 'a version of three parts', 'pkcs11:library-version=1.2.3', VALUES],
  ['name-blank', 'a blank in a name', 'pkcs11:to ken=one', GRAMMAR],
  ['query-no-equals', 'a query without a value', 'pkcs11:token=one?module-path', GRAMMAR],
  ['query-empty', 'an ampersand alone', 'pkcs11:token=one?&', GRAMMAR],
  [
    'long',
    'over 8192 characters',
    `pkcs11:token=${'a'.repeat(8192)}`,
    'a URI has 8192 characters at most (ours)',
  ],
]
