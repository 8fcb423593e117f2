import { expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import { openCheckpoint } from '../../src/formats/checkpoint.ts'
import { appendEncoded, encodeEntry } from '../../src/log/append.ts'
import type { Leaf } from '../../src/log/append-leaves.ts'
import type { LogEntry, StateEntry } from '../../src/log/entry.ts'
import { signatureLeaf } from '../../src/log/public-leaf.ts'
import { openStoredLog } from '../../src/log/source.ts'
import {
  type TransparencyReport,
  verifyTransparencyLog,
  type VerifyTransparencyOptions,
} from '../../src/log/verify-transparency.ts'
import { signatureEntry, stateEntry } from '../support/log-entries.ts'
import { MemoryLog } from '../support/memory-log.ts'
import {
  LOG_KEY,
  signTransparency,
  TRANSPARENCY_KEY,
  TRANSPARENCY_ORIGIN,
} from '../support/signed-log.ts'
import { testSigner } from '../support/signers.ts'

const log = { keys: [TRANSPARENCY_KEY], origin: TRANSPARENCY_ORIGIN }
const KEY = testSigner('ES256').key
const OTHER = testSigner('EdDSA').key

/** The leaf of a signature. */
function signatureBy(key = KEY): Leaf {
  const digest = `sha256:${'ab'.repeat(32)}` as const
  return signatureLeaf(key, { content: 'file', digest, signature: Buffer.from([1]) })
}

/** A change of the version of {@link KEY}. */
function change(to: StateEntry['to'], sequence: number): LogEntry {
  const key = { name: 'release', version: 1, kid: KEY.kid }
  return stateEntry(0, { to, action: 'change', sequence, key })
}

type Said = LogEntry | Leaf

/** A signed log in which these were said. */
async function createLog(said: readonly Said[]): Promise<MemoryLog> {
  const stored = new MemoryLog()
  await say(stored, said)
  return stored
}

async function say(stored: MemoryLog, said: readonly Said[]): Promise<void> {
  await stored.transaction(async (records) => {
    const entries = said.map((one) =>
      'data' in one ? encodeEntry(signatureEntry(0), one) : encodeEntry(one),
    )
    await appendEncoded(records, await records.log.lockHead(), entries)
  })
  await signTransparency(stored)
}

const verify = (
  stored: MemoryLog,
  options: Partial<VerifyTransparencyOptions> = {},
): Promise<TransparencyReport> =>
  verifyTransparencyLog({ source: openStoredLog(stored.transparencyLog), log, ...options })

/** The code that a log fails with, and what it says. */
async function verdictOn(
  stored: MemoryLog,
  options?: Partial<VerifyTransparencyOptions>,
): Promise<string> {
  try {
    await verify(stored, options)
    return 'verified'
  } catch (error) {
    if (CountersignError.is(error)) return `${error.code}: ${error.message}`
    throw error
  }
}

const verdictOf = async (said: readonly Said[]): Promise<string> => verdictOn(await createLog(said))

test('a log verifies, and reports its changes and its leaves by kind', async () => {
  const unknown = { data: Buffer.from('{"apiVersion":"9","kind":"later","spec":{}}'), labels: [] }
  const seen: unknown[] = []
  const report = await verify(
    await createLog([change('active', 1), signatureBy(), signatureBy(OTHER), unknown]),
    { onState: (index, { to }) => seen.push([index, to]) },
  )

  expect(report.checkpoint).toMatchObject({ origin: TRANSPARENCY_ORIGIN, size: 4 })
  expect(report.leaves).toEqual({ state: 1, signature: 2, unknown: 1 })
  expect(seen).toEqual([[0, 'active']])
})

test.each(['revoked', 'destroyed'] as const)('no version signs after it is %s', async (to) => {
  const end = change(to, 2)

  expect(await verdictOf([change('active', 1), signatureBy(), end, signatureBy(OTHER)])).toBe(
    'verified',
  )
  expect(await verdictOf([change('active', 1), end, signatureBy()])).toBe(
    `ERR_LOG_PROOF_INVALID: entry 2 must not be there: a signature by kid ${KEY.kid}, which leaf 1 says has ended`,
  )
})

test('a version that a leaf reactivates no longer signs', async () => {
  const said = [change('revoked', 1), change('active', 2), signatureBy()]

  expect(await verdictOf(said)).toMatch(/^ERR_LOG_PROOF_INVALID: entry 2 must not be there/)
})

test('publications are ordered; adjacent changes share one', async () => {
  const [one, again, two] = [change('pending', 1), change('active', 1), change('retired', 2)]

  expect(await verdictOf([one, again, two])).toBe('verified')
  expect(await verdictOf([one, signatureBy(), again])).toMatch(
    /entry 2 must not be there: its sequence is 1, and that of leaf 0 before it 1/,
  )
  expect(await verdictOf([two, one])).toMatch(/entry 1 must not be there: its sequence is 1/)
})

test('an unreadable leaf is named, though it is in the tree', async () => {
  const broken = { data: Buffer.from('x'), labels: [] }

  expect(await verdictOf([signatureBy(), broken])).toMatch(
    /^ERR_LOG_PROOF_INVALID: leaf 1 can't be read: /,
  )
})

test('a changed leaf or tile is named', async () => {
  const leafOf = await createLog([signatureBy(), signatureBy(OTHER)])
  leafOf.tamper((_, { entries }) =>
    entries.splice(1, 1, { index: 1, data: Buffer.from('{}'), labels: [] }),
  )
  const tileOf = await createLog([signatureBy(), signatureBy(OTHER)])
  tileOf.tamper((_, { tiles }) => tiles.set('0/0', Buffer.alloc(64)))

  expect(await verdictOn(leafOf)).toMatch(/^ERR_LOG_PROOF_INVALID: entry 1 is not the one/)
  expect(await verdictOn(tileOf)).toMatch(/^ERR_LOG_PROOF_INVALID: entry 0 is not the one/)
})

test('an audit log does not pass as the transparency log beside it', async () => {
  const stored = await createLog([signatureBy()])

  expect(await verdictOn(stored, { log: { keys: [LOG_KEY] } })).toMatch(/^ERR_NOTE_INVALID: /)
})

test('a rewritten log fails against an earlier checkpoint', async () => {
  const stored = await createLog([signatureBy(), signatureBy()])
  const { note } = (await stored.transparencyLog.checkpoint()) ?? { note: '' }
  const earlier = openCheckpoint(Buffer.from(note), log)
  await say(stored, [signatureBy(OTHER)])
  const rewritten = await createLog([signatureBy(OTHER), signatureBy(), signatureBy()])

  expect(await verdictOn(stored, { earlier })).toBe('verified')
  expect(await verdictOn(rewritten, { earlier })).toMatch(/the first 2 entries are not those/)
  expect(await verdictOn(await createLog([signatureBy()]), { earlier })).toMatch(/it went back/)
})
