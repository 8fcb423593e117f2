/** Headers of a JWS (RFC 7515 section 4): every member in other types and values. */
import type { MadeCase } from './made.ts'
import { publicJwk, signToken } from './sign.ts'

const ONE_OBJECT = 'a header is one JSON object with unique members (RFC 7515 section 4)'
const TYPES = 'a header member has the type of RFC 7515 section 4.1'
const CRITICAL =
  'an unknown critical extension is refused, and "b64" must be true (RFC 7515 section 4.1.11; RFC 7797; ours)'

/** The verdict of a case. */
export interface About {
  readonly valid?: boolean
  readonly rule?: string
}

/** Makes a case of a token, refused where nothing else is said. */
export function tokenCase(
  id: string,
  comment: string,
  data: string,
  { valid = false, rule }: About = {},
): MadeCase {
  return { id, comment, data, valid, ...(rule !== undefined && { rule }) }
}

type Header = readonly [id: string, comment: string, header: string, about?: About]

/** Tokens of right and wrong headers, each signed. */
export function headerCases(): readonly MadeCase[] {
  const right: readonly Header[] = [
    ['typ', 'with "typ"', '{"alg":"ES256","typ":"JWT"}'],
    ['kid', 'with "kid"', '{"alg":"ES256","kid":"one"}'],
    ['unknown', 'with a member that is not known', '{"alg":"ES256","note":[1,{"a":null}]}'],
    ['blanks', 'blanks in the JSON', '{ "alg" : "ES256" }\n'],
    ['escaped', 'an escaped name', String.raw`{"\u0061lg":"ES256"}`],
    [
      'other-keys',
      'keys in the header that are not looked at',
      JSON.stringify({
        alg: 'ES256',
        jwk: publicJwk('p256-other'),
        x5u: 'https://attacker.example/',
      }),
    ],
    ['b64-true', '"b64" is true', '{"alg":"ES256","b64":true}'],
  ]
  const wrong: readonly Header[] = [
    ['no-alg', 'no "alg"', '{"typ":"JWT"}'],
    ['empty', 'no member', '{}'],
    ['alg-none', '"alg" is none', '{"alg":"none"}'],
    ['alg-NONE', '"alg" is NONE', '{"alg":"NONE"}'],
    ['alg-empty', '"alg" is empty', '{"alg":""}'],
    ['alg-lower', '"alg" in lower case', '{"alg":"es256"}'],
    ['alg-blank', '"alg" with a blank', '{"alg":"ES256 "}'],
    ['alg-null', '"alg" is null', '{"alg":null}'],
    ['alg-list', '"alg" is a list', '{"alg":["ES256"]}'],
    ['alg-number', '"alg" is a number', '{"alg":256}'],
    ['alg-hmac', '"alg" is HS256', '{"alg":"HS256"}'],
    ['alg-encryption', '"alg" of encryption', '{"alg":"RSA-OAEP","enc":"A128GCM"}'],
    ['alg-twice', '"alg" named twice', '{"alg":"none","alg":"ES256"}', { rule: ONE_OBJECT }],
    [
      'alg-twice-same',
      '"alg" named twice, the same',
      '{"alg":"ES256","alg":"ES256"}',
      { rule: ONE_OBJECT },
    ],
    [
      'alg-twice-escaped',
      '"alg" named twice, once escaped',
      String.raw`{"\u0061lg":"none","alg":"ES256"}`,
      { rule: ONE_OBJECT },
    ],
    ['alg-upper-name', 'the name "ALG"', '{"ALG":"ES256"}', { rule: ONE_OBJECT }],
    ['kid-twice', '"kid" named twice', '{"alg":"ES256","kid":"a","kid":"b"}', { rule: ONE_OBJECT }],
    [
      'nested-twice',
      'a nested member named twice',
      '{"alg":"ES256","note":{"a":1,"a":2}}',
      { rule: ONE_OBJECT },
    ],
    ['kid-number', '"kid" is a number', '{"alg":"ES256","kid":1}', { rule: TYPES }],
    ['kid-null', '"kid" is null', '{"alg":"ES256","kid":null}', { rule: TYPES }],
    ['typ-number', '"typ" is a number', '{"alg":"ES256","typ":1}', { rule: TYPES }],
    ['typ-list', '"typ" is a list', '{"alg":"ES256","typ":["JWT"]}', { rule: TYPES }],
    [
      'crit',
      'an unknown critical extension',
      '{"alg":"ES256","crit":["x"],"x":1}',
      { rule: CRITICAL },
    ],
    ['crit-empty', '"crit" is empty', '{"alg":"ES256","crit":[]}', { rule: CRITICAL }],
    ['crit-null', '"crit" is null', '{"alg":"ES256","crit":null}', { rule: CRITICAL }],
    [
      'crit-missing',
      '"crit" names a member that is absent',
      '{"alg":"ES256","crit":["x"]}',
      { rule: CRITICAL },
    ],
    [
      'crit-b64',
      '"b64" is critical and true',
      '{"alg":"ES256","crit":["b64"],"b64":true}',
      { rule: CRITICAL },
    ],
    [
      'b64-false',
      'an unencoded payload that is not critical',
      '{"alg":"ES256","b64":false}',
      { rule: CRITICAL },
    ],
    ['b64-null', '"b64" is null', '{"alg":"ES256","b64":null}', { rule: CRITICAL }],
    ['list', 'a list', '[{"alg":"ES256"}]'],
    ['text', 'a text', '"ES256"'],
    ['null', 'null', 'null'],
    ['comma', 'a comma too many', '{"alg":"ES256",}'],
    ['quotes', 'single quotes', "{'alg':'ES256'}"],
    ['comment', 'a comment', '{"alg":"ES256"/* */}'],
    ['trailing', 'a second object', '{"alg":"ES256"}{}'],
    ['bom', 'a byte order mark', '\ufeff{"alg":"ES256"}', { rule: ONE_OBJECT }],
    [
      'deep',
      'nested 9 deep',
      `{"alg":"ES256","note":${'['.repeat(8)}${']'.repeat(8)}}`,
      { rule: 'a header is nested 8 deep at most (ours)' },
    ],
    [
      'long',
      'over 16384 characters',
      `{"alg":"ES256","note":"${'x'.repeat(12_300)}"}`,
      { rule: 'a header has 16384 characters at most (ours)' },
    ],
    ['control', 'a control character in a text', '{"alg":"ES256","kid":"a\u0001"}'],
  ]
  const bytes: readonly (readonly [string, string, Uint8Array])[] = [
    [
      'utf-8',
      'text that is not UTF-8',
      Buffer.concat([Buffer.from('{"alg":"ES256","kid":"'), Buffer.of(0xff), Buffer.from('"}')]),
    ],
    [
      'utf-8-overlong',
      'an overlong encoding',
      Buffer.concat([
        Buffer.from('{"alg":"ES256","kid":"'),
        Buffer.of(0xc0, 0x80),
        Buffer.from('"}'),
      ]),
    ],
    ['utf-16', 'UTF-16', Buffer.from('{"alg":"ES256"}', 'utf16le')],
  ]
  return [
    ...right.map(([id, comment, header]) =>
      tokenCase(`header-${id}`, comment, signToken(header), { valid: true }),
    ),
    ...wrong.map(([id, comment, header, about]) =>
      tokenCase(`header-${id}`, comment, signToken(header), about),
    ),
    ...bytes.map(([id, comment, header]) =>
      tokenCase(`header-${id}`, comment, signToken(header), {
        rule: 'JSON is UTF-8 (RFC 8259 section 8.1)',
      }),
    ),
  ]
}
