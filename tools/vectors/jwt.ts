/** Claims of a token (RFC 7519) against what its verifier demands, at one moment. */
import type { MadeCase, Maker } from './made.ts'
import { signToken } from './sign.ts'

/** What the vectors of claims are verified with. */
const POLICY = {
  issuer: 'https://issuer.example',
  audience: 'https://api.example',
  now: '2026-03-04T05:06:07Z',
} as const

/** The vectors of claims. */
export const jwt: Maker = {
  format: 'jwt',
  made: 'Signed by the ES256 test key; the claims differ. Each case records the issuer, the audience and the moment that it is verified with; clocks may differ by 60 seconds.',
  make: () => [
    {
      group: 'claims',
      kind: 'jwt',
      algorithm: 'ES256',
      key: 'p256',
      cases: [
        ...right().map((row) => caseOf(row, true)),
        ...wrong().map((row) => caseOf(row, false)),
      ],
    },
  ],
}

const NOW = Date.parse(POLICY.now) / 1000
const CLAIMS = { iss: POLICY.issuer, aud: POLICY.audience, iat: NOW, nbf: NOW, exp: NOW + 300 }
const TYPES =
  'claims have the types of RFC 7519 sections 2 and 4.1; a time is from 1970 to 9999 (ours)'
const DEMANDED =
  'a token names its type, issuer and audience and has an end (RFC 8725 sections 3.8 to 3.12; ours)'

type Row = readonly [
  id: string,
  comment: string,
  claims: object | string,
  rule?: string | undefined,
  header?: object,
]

function caseOf(
  [id, comment, claims, rule, header = { typ: 'JWT' }]: Row,
  valid: boolean,
): MadeCase {
  const payload = typeof claims === 'string' ? claims : JSON.stringify(claims)
  const data = signToken(JSON.stringify({ alg: 'ES256', ...header }), payload)
  return { id, comment, data, ...POLICY, valid, ...(rule !== undefined && { rule }) }
}

function right(): readonly Row[] {
  return [
    ['right', 'every claim', CLAIMS],
    ['audiences', 'several audiences', { ...CLAIMS, aud: ['other', POLICY.audience] }],
    ['no-iat', 'no "iat"', { ...CLAIMS, iat: undefined }],
    ['no-nbf', 'no "nbf"', { ...CLAIMS, nbf: undefined }],
    ['fraction', 'a part of a second', { ...CLAIMS, exp: NOW + 0.5 }],
    ['skew-exp', 'expired 59 seconds ago', { ...CLAIMS, exp: NOW - 59 }],
    ['skew-nbf', 'valid in 60 seconds', { ...CLAIMS, nbf: NOW + 60 }],
    ['more', 'claims that are not known', { ...CLAIMS, roles: ['a'], nested: { a: [1] } }],
    ['type-application', 'the whole media type', CLAIMS, undefined, { typ: 'application/jwt' }],
    ['type-case', 'the type in lower case', CLAIMS, undefined, { typ: 'jwt' }],
  ]
}

function wrong(): readonly Row[] {
  const without = (name: string): object => ({ ...CLAIMS, [name]: undefined })
  const times = ['exp', 'nbf', 'iat'].flatMap((name): readonly Row[] => [
    [`${name}-text`, `"${name}" is a text`, { ...CLAIMS, [name]: String(NOW + 30) }, TYPES],
    [`${name}-null`, `"${name}" is null`, { ...CLAIMS, [name]: null }, TYPES],
    [`${name}-list`, `"${name}" is a list`, { ...CLAIMS, [name]: [NOW] }, TYPES],
    [`${name}-negative`, `"${name}" is negative`, { ...CLAIMS, [name]: -1 }, TYPES],
    [
      `${name}-huge`,
      `"${name}" is after the year 9999`,
      { ...CLAIMS, [name]: 253_402_300_800 },
      TYPES,
    ],
    [
      `${name}-infinite`,
      `"${name}" is out of range`,
      JSON.stringify(CLAIMS).replace(/}$/, `,"${name}":1e999}`),
      TYPES,
    ],
  ])
  return [
    ...times,
    [
      'expired',
      'expired 60 seconds ago',
      { ...CLAIMS, exp: NOW - 60 },
      'a token is over at "exp", not after it (RFC 7519 section 4.1.4)',
    ],
    ['expired-long', 'expired a year ago', { ...CLAIMS, exp: NOW - 31_536_000 }],
    ['expired-zero', 'expired in 1970', { ...CLAIMS, exp: 0 }],
    ['not-yet', 'valid in 61 seconds', { ...CLAIMS, nbf: NOW + 61 }],
    [
      'not-yet-fraction',
      'valid in 60.5 seconds',
      { ...CLAIMS, nbf: NOW + 60.5 },
      'a part of a second counts against the token (ours)',
    ],
    [
      'issued-later',
      'issued in 61 seconds',
      { ...CLAIMS, iat: NOW + 61 },
      'a token of the future is refused (RFC 7519 section 4.1.6; ours)',
    ],
    [
      'milliseconds',
      'times in milliseconds',
      { ...CLAIMS, nbf: NOW * 1000, exp: (NOW + 300) * 1000 },
    ],
    ['no-exp', 'no "exp"', without('exp'), DEMANDED],
    ['no-iss', 'no "iss"', without('iss')],
    ['no-aud', 'no "aud"', without('aud')],
    ['iss-other', 'another issuer', { ...CLAIMS, iss: 'https://other.example' }],
    ['iss-slash', 'the issuer with a slash', { ...CLAIMS, iss: `${POLICY.issuer}/` }],
    ['iss-case', 'the issuer in upper case', { ...CLAIMS, iss: POLICY.issuer.toUpperCase() }],
    ['iss-list', 'a list of issuers', { ...CLAIMS, iss: [POLICY.issuer] }],
    ['iss-null', '"iss" is null', { ...CLAIMS, iss: null }],
    ['aud-other', 'another audience', { ...CLAIMS, aud: 'https://other.example' }],
    [
      'aud-prefix',
      'an audience that begins with it',
      { ...CLAIMS, aud: `${POLICY.audience}.evil.example` },
    ],
    ['aud-empty', 'no audience in a list', { ...CLAIMS, aud: [] }],
    ['aud-null', '"aud" is null', { ...CLAIMS, aud: null }],
    ['aud-mixed', 'a list with a number', { ...CLAIMS, aud: [POLICY.audience, 1] }, TYPES],
    ['aud-nested', 'a list in a list', { ...CLAIMS, aud: [[POLICY.audience]] }],
    ['aud-object', 'an object', { ...CLAIMS, aud: { 0: POLICY.audience } }],
    ['sub-number', '"sub" is a number', { ...CLAIMS, sub: 1 }, TYPES],
    ['jti-number', '"jti" is a number', { ...CLAIMS, jti: 1 }, TYPES],
    ['sub-null', '"sub" is null', { ...CLAIMS, sub: null }, TYPES],
    [
      'iss-twice',
      '"iss" named twice',
      `{"iss":"https://other.example",${JSON.stringify(CLAIMS).slice(1)}`,
      'members are unique (RFC 7519 section 4; ours)',
    ],
    [
      'exp-twice',
      '"exp" named twice',
      `{"exp":1,${JSON.stringify(CLAIMS).slice(1)}`,
      'members are unique (RFC 7519 section 4; ours)',
    ],
    ['list', 'a list of claims', JSON.stringify([CLAIMS])],
    ['text', 'a text', '"claims"'],
    ['null', 'null', 'null'],
    ['nothing', 'no claims', ''],
    ['not-json', 'not JSON', 'claims'],
    [
      'bom',
      'a byte order mark',
      `\ufeff${JSON.stringify(CLAIMS)}`,
      'JSON has no byte order mark (RFC 8259 section 8.1)',
    ],
    ['type-none', 'no type', CLAIMS, DEMANDED, {}],
    ['type-other', 'the type of an access token', CLAIMS, DEMANDED, { typ: 'at+jwt' }],
    ['type-parameters', 'a type with a parameter', CLAIMS, DEMANDED, { typ: 'JWT; v=1' }],
    [
      'deep',
      'nested 17 deep',
      { ...CLAIMS, deep: JSON.parse(`${'['.repeat(16)}${']'.repeat(16)}`) as unknown },
      'claims are nested 16 deep at most (ours)',
    ],
  ]
}
