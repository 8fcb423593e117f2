import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LogEntry } from '../../src/log/entry.ts'
import { parseEntry, readEntry, serializeEntry } from '../../src/log/entry-format.ts'
import { labelsOf } from '../../src/log/entry-labels.ts'
import { codeOf } from '../support/errors.ts'
import { anyEntry, signatureEntry, stateEntry } from '../support/log-entries.ts'

test('an entry is read back as it was written', () => {
  fc.assert(
    fc.property(anyEntry, (entry) => {
      const data = serializeEntry(entry)

      expect(parseEntry(data)).toEqual({ ...entry })
      expect(serializeEntry(parseEntry(data))).toStrictEqual(data)
    }),
  )
})

test('an entry is written in this form', () => {
  const data = Buffer.from(serializeEntry(signatureEntry(1))).toString()

  expect(data).toBe(
    '{"v":1,"type":"signature","time":"2026-11-22T10:00:01.000Z","requestId":"request-1",' +
      '"caller":{"issuer":"https://token.example","subject":"repo:octo/app",' +
      '"claims":{"repository":"octo/app","repository_id":"12"}},' +
      '"key":{"name":"release","version":1,"kid":"kid-1"},' +
      `"digests":["sha256:${'1'.padStart(64, '0')}"],"bundleSha256":"${'1'.padStart(64, '0')}"}`,
  )
})

test.each([
  ['no version', (text: string) => text.replace('"v":1,', '')],
  ['a version that is not a number', (text: string) => text.replace('"v":1', '"v":"1"')],
  ['a member before its version', (text: string) => text.replace('{', '{"x":1,')],
  [
    'white space beside an unknown member',
    (text: string) => text.replace('"type"', '"x":1, "type"'),
  ],
  [
    'another order beside it',
    (text: string) => text.replace(/("type":"signature"),(.*)}$/, '"x":1,$2,$1}'),
  ],
  ['a null member beside it', (text: string) => text.replace(/}$/, ',"x":1,"predicateType":null}')],
  [
    'a member that is named like a number',
    (text: string) => text.replace('"type"', '"x":1,"0":1,"type"'),
  ],
  ['a null member', (text: string) => text.replace(/}$/, ',"predicateType":null}')],
  ['another order', (text: string) => text.replace(/("type":"signature"),(.*)}$/, '$2,$1}')],
  ['a blank', (text: string) => `${text} `],
  ['an escape that need not be', (text: string) => text.replace('octo', '\\u006fcto')],
  ['another form of time', (text: string) => text.replace('.000Z', 'Z')],
  ['no time', (text: string) => text.replace('2026-', '')],
  [
    'a type that is not known, and a blank',
    (text: string) => `${text.replace('"signature"', '"x"')} `,
  ],
  [
    'an unknown type, and a malformed leaf',
    (text: string) => text.replace('"signature"', '"x"').replace(/}$/, ',"publicEntry":7}'),
  ],
  ['digests that are not a list', (text: string) => text.replace(/\[.*\]/, '"x"')],
  [
    'a version that is not a number',
    (text: string) => text.replace('"version":1', '"version":"1"'),
  ],
  ['no key', (text: string) => text.replace(/"key":{[^}]*},/, '')],
])('%s is not an entry', (_what, change) => {
  const text = Buffer.from(serializeEntry(signatureEntry(1))).toString()
  const changed = change(text)

  expect(changed).not.toBe(text)
  expect(codeOf(() => parseEntry(Buffer.from(changed)))).toBe('ERR_LOG_PROOF_INVALID')
})

test('bytes that are not JSON are not an entry', () => {
  expect(codeOf(() => parseEntry(Buffer.from('x')))).toBe('ERR_JSON_INVALID')
})

const textOf = (entry: LogEntry): string => Buffer.from(serializeEntry(entry)).toString()
const STATE = textOf(stateEntry(1, { to: 'active', action: 'activate', sequence: 2 }))
const NAMED = { index: 7, leafSha256: 'ab' }

test.each([
  [
    'a type',
    textOf({ ...signatureEntry(1), publicEntry: NAMED }).replace('signature', 'countersignature'),
  ],
  [
    'a type named like a member',
    textOf({ ...signatureEntry(1), publicEntry: NAMED }).replace('"signature"', '"constructor"'),
  ],
  ['a state', STATE.replace('"active"', '"busy"')],
  ['a use', STATE.replace('"artifact"', '"cooking"')],
])('an entry with %s of a later release is skipped and has no effect', (_what, text) => {
  const data = Buffer.from(text)

  expect(readEntry(data)).toMatchObject({ kind: 'unknown' })
  expect(codeOf(() => parseEntry(data))).toBe('ERR_FORMAT_UNSUPPORTED')
  if (text.includes('publicEntry')) expect(readEntry(data)).toMatchObject({ publicEntry: NAMED })
})

test('an entry of a later version is never skipped', () => {
  const text = STATE.replace('"v":1', '"v":2')
  for (const later of [text, text.replace('"state"', '"another"')]) {
    expect(() => readEntry(Buffer.from(later))).toThrow('the entry has version 2, expected 1')
    expect(codeOf(() => readEntry(Buffer.from(later)))).toBe('ERR_FORMAT_UNSUPPORTED')
  }
})

test('members that a later release added are skipped and named, at any position', () => {
  const places = fc.constantFrom('time', 'requestId', 'type')
  fc.assert(
    fc.property(anyEntry, places, fc.jsonValue({ depthSize: 'small' }), (entry, before, value) => {
      const text = textOf(entry)
      const added = JSON.stringify({ xNew: value }).slice(1, -1)
      const later = text.replace(`"${before}":`, (name) => `${added},${name}`)

      expect(readEntry(Buffer.from(later))).toEqual({
        ...readEntry(Buffer.from(text)),
        skipped: ['xNew'],
      })
    }),
  )
})

test('members that a later release added to a part of an entry are named by their path', () => {
  const text = textOf({ ...signatureEntry(1), publicEntry: NAMED })
    .replace('"kid":"kid-1"', '"kid":"kid-1","strength":3')
    .replace('"leafSha256":"ab"', '"leafSha256":"ab","log":"x"')

  expect(readEntry(Buffer.from(text))).toMatchObject({
    skipped: ['key.strength', 'publicEntry.log'],
  })
})

test('claims, reasons and error codes that a later release logs are read as they are', () => {
  const claims = { email_verified: 'yes', zone: 'z' }
  const text = textOf(signatureEntry(1)).replace(
    /"claims":{[^}]*}/,
    `"claims":${JSON.stringify(claims)}`,
  )
  const reason = 'x'.repeat(5000)
  const denial = `{"v":1,"type":"denial","time":"2026-11-22T10:00:01.000Z","requestId":"r","action":"a","resource":"b","code":"ERR_LATER_1","reason":"${reason}"}`

  expect(parseEntry(Buffer.from(text)).caller?.claims).toEqual(claims)
  expect(parseEntry(Buffer.from(denial))).toMatchObject({ code: 'ERR_LATER_1', reason })
  expect(codeOf(() => parseEntry(Buffer.from(denial.replace('ERR_LATER_1', 'oops'))))).toBe(
    'ERR_LOG_PROOF_INVALID',
  )
})

test('only listed claims are logged, in full or not at all', () => {
  const claims = {
    repository: 'octo/app',
    email: 'octocat@example.org',
    ref: 'x'.repeat(2000),
    access_token: 'secret',
    'kubernetes.io': { pod: { uid: '1', name: 'a' }, namespace: 'n' },
  }
  const caller = { issuer: 'https://token.example', subject: 's'.repeat(5000), claims }
  const entry = parseEntry(serializeEntry({ ...signatureEntry(1), caller }))

  expect(entry.caller?.claims).toEqual({
    repository: 'octo/app',
    'kubernetes.io': { pod: { uid: '1', name: 'a' }, namespace: 'n' },
  })
  expect(entry.caller?.subject).toMatch(/^s{1023}…$/)
})

test('a caller of many long claims and a long reason still fit', () => {
  const long = 'é'.repeat(1000)
  const names = [
    'jti',
    'azp',
    'repository',
    'ref',
    'sha',
    'run_id',
    'environment',
    'job_id',
    'user_id',
  ]
  const claims = Object.fromEntries(names.map((name) => [name, long]))
  const caller = { issuer: long, subject: long, claims }
  const { time, requestId } = signatureEntry(1)
  const data = serializeEntry({
    type: 'denial',
    time,
    requestId,
    caller,
    action: 'sign',
    resource: long.repeat(100),
    code: 'ERR_NOT_ALLOWED',
    reason: long.repeat(100),
  })

  expect(data.length).toBeLessThan(30_000)
  expect(Object.keys(parseEntry(data).caller?.claims ?? {}).length).toBe(8)
})

test('more digests than an entry holds are refused, not truncated', () => {
  const digests = Array.from(
    { length: 1000 },
    (_, index) => `sha256:${String(index).padStart(64, '0')}`,
  )

  expect(codeOf(() => serializeEntry({ ...signatureEntry(1), digests }))).toBe(
    'ERR_INPUT_TOO_LARGE',
  )
  const half = { ...signatureEntry(1), digests: digests.slice(0, 700) }
  expect(codeOf(() => serializeEntry(half))).toBe('accepted')
})

test('entries are found by what they are about', () => {
  const { time, requestId, caller, key } = signatureEntry(1)
  const base = { time, requestId, caller }
  const version = ['key:release', 'kid:kid-1']

  expect(
    labelsOf({ ...signatureEntry(1), digests: ['sha256:a', 'sha256:a'], bundleSha256: 'b' }),
  ).toEqual(['type:signature', ...version, 'digest:sha256:a', 'bundle:b'])
  const stamped = { ...signatureEntry(1), timestamp: { kid: 'tsa-1', time } }
  expect(labelsOf(stamped)).toContain('kid:tsa-1')
  const token = { type: 'token', jti: 'j', audience: [], expires: time } as const
  expect(labelsOf({ ...base, ...token, key, backendRequestId: undefined })).toEqual([
    'type:token',
    ...version,
    'jti:j',
  ])
  expect(labelsOf({ ...base, type: 'timestamp', key, serial: '7', digest: 'sha256:a' })).toEqual([
    'type:timestamp',
    ...version,
    'digest:sha256:a',
  ])
  expect(labelsOf(stateEntry(1, { to: 'active', action: 'activate', sequence: 1 }))).toEqual([
    'type:state',
    ...version,
    'state:kid-1',
  ])
  const approval = {
    step: 'use',
    action: 'destroy',
    resource: 'release',
    approvalId: 'x',
    requestSha256: 'ab',
    required: 2,
    approvals: [0, 1],
  } as const
  expect(labelsOf({ ...base, type: 'approval', ...approval })).toEqual([
    'type:approval',
    'key:release',
    'approval:x',
  ])
  const rules = { required: 2, actions: ['revokeKey'] }
  expect(labelsOf({ ...base, type: 'rules', approvals: rules })).toEqual(['type:rules'])
  const keyRules = { rulesSha256: 'ab', maxTokenLifetimeSeconds: 60, reason: undefined } as const
  expect(labelsOf({ ...base, type: 'keyRules', resource: 'release', ...keyRules })).toEqual([
    'type:keyRules',
    'key:release',
  ])
  const logs = [{ log: 'audit', origin: 'log', size: 9 }] as const
  const restore = { logs, sequence: 3, reason: 'backup' } as const
  expect(labelsOf({ ...base, type: 'restore', ...restore })).toEqual(['type:restore'])
})
