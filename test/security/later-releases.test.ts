/** Entries and leaves of a later release: what is not understood is said, and decides nothing. */
import { expect, test } from 'vitest'
import { labelsOf } from '../../src/log/entry-labels.ts'
import { lastSignatureAt } from '../../src/rotation/last-signature.ts'
import { createKeyring } from '../../src/rotation/store-keyring.ts'
import type { CountersignError } from '../../src/errors.ts'
import { appendEncoded } from '../../src/log/append.ts'
import { countersign, type CliResult, documentOf } from '../support/cli.ts'
import { codeOfAsync } from '../support/errors.ts'
import { createLaterLogs, laterEntry, type Rewrite } from '../support/later-release.ts'
import { signatureEntry, stateEntry } from '../support/log-entries.ts'
import { serveLogs } from '../support/paired-logs.ts'
import { RotationScene } from '../support/rotation-scene.ts'
import { LOG_KEY, TRANSPARENCY_KEY } from '../support/signed-log.ts'

const CREATED = stateEntry(0, { to: 'active', action: 'activate', sequence: 1 })
const RETIRED = stateEntry(1, { from: 'active', to: 'retired', action: 'retire', sequence: 2 })

const newMember: Rewrite = (text) => text.replace('"time":', '"mood":"calm","time":')
const newType: Rewrite = (text) => text.replace('"type":"state"', '"type":"ceremony"')
const newVersion: Rewrite = (text) => text.replace('"v":1', '"v":2')
const newUse: Rewrite = (text) => text.replace('"use":"artifact"', '"use":"firmware"')
const newLeafVersion: Rewrite = (text) => text.replace('"apiVersion":"1"', '"apiVersion":"2"')

async function verify(
  ofEntry: Rewrite,
  ofLeaf: Rewrite,
  ...args: readonly string[]
): Promise<CliResult> {
  const entries = [laterEntry(CREATED, {}), laterEntry(RETIRED, { ofEntry, ofLeaf })]
  const server = await serveLogs(await createLaterLogs(entries))
  const keys =
    args[0] === 'audit'
      ? ['--key', LOG_KEY.vkey, '--log-key', TRANSPARENCY_KEY.vkey]
      : ['--key', TRANSPARENCY_KEY.vkey]
  const all = [...args, '--server', server, ...(args[1] === 'show' ? [] : keys)]
  return countersign(all, { env: { COUNTERSIGN_TOKEN: 'let-me-in' } })
}

const same: Rewrite = (text) => text

test.each<[string, Rewrite, object, RegExp]>([
  ['a member', newMember, { entries: 0, members: 1 }, / {2}skipped {2}1 member of a later release/],
  ['a type', newType, { entries: 1, members: 0 }, / {2}skipped {2}1 entry of a later release/],
  ['a value', newUse, { entries: 1, members: 0 }, /entry 1: use "firmware" is not known/],
])(
  'an audit log with %s of a later release verifies, and says so',
  async (_what, ofEntry, skipped, said) => {
    const text = await verify(ofEntry, same, 'audit', 'verify')
    const json = await verify(ofEntry, same, 'audit', 'verify', '--json')
    const strict = await verify(ofEntry, same, 'audit', 'verify', '--strict')

    expect(text).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(said) as string })
    expect(text.stdout).toContain('  pairs    all 2 are in the transparency log')
    expect(documentOf(json)).toMatchObject({ ok: true, size: 2, paired: { entries: 2 }, skipped })
    expect(strict.exitCode).toBe(2)
    expect(strict.stderr).toContain('ERR_FORMAT_UNSUPPORTED')
  },
)

test('an audit log with an entry of a later version is refused, and both versions are named', async () => {
  for (const ofEntry of [newVersion, (text: string) => newVersion(newType(text))]) {
    const { exitCode, stderr } = await verify(ofEntry, same, 'audit', 'verify')

    expect(exitCode).toBe(2)
    expect(stderr).toContain('entry 1 is of a later release: the entry has version 2, expected 1')
  }
})

test.each<[string, Rewrite, object]>([
  ['a member', newMember, { entries: 0, members: 1 }],
  ['a value', newUse, { entries: 1, members: 0 }],
])(
  'a transparency log with %s of a later release verifies, and says so',
  async (_what, ofLeaf, skipped) => {
    const json = await verify(same, ofLeaf, 'log', 'verify', '--json')
    const strict = await verify(same, ofLeaf, 'log', 'verify', '--strict')

    expect(documentOf(json)).toMatchObject({ ok: true, size: 2, skipped })
    expect(strict.stderr).toContain('ERR_FORMAT_UNSUPPORTED')
    expect(strict.exitCode).toBe(2)
  },
)

test('a transparency log with a leaf of ours of a later version is refused', async () => {
  const { exitCode, stderr } = await verify(same, newLeafVersion, 'log', 'verify')

  expect(exitCode).toBe(2)
  expect(stderr).toContain('leaf 1 is of a later release: the leaf has version 2, expected 1')
})

test('entries of a later release are listed in full', async () => {
  const member = await verify(newMember, same, 'audit', 'show', '--json')
  const version = await verify(newVersion, same, 'audit', 'show')
  const leaf = await verify(same, newLeafVersion, 'log', 'show')

  expect(documentOf(member)).toMatchObject({ entries: [{ index: 1, entry: { mood: 'calm' } }, {}] })
  expect(version.stdout).toContain('1  of a later release: the entry has version 2, expected 1')
  expect(leaf.stdout).toContain('of a later release: the leaf has version 2, expected 1')
})

test('unknown entries that a filter might match are counted', async () => {
  const { stderr, stdout } = await verify(newType, same, 'audit', 'show', '--type', 'state')

  expect(stdout).toContain('release@1 activate')
  expect(stderr).toContain('not listed: 1 of a later release')
})

test.each([
  ['of a later version', newVersion],
  ['of a type', newType],
  ['with a value', newUse],
])(
  'a key version whose log has a change %s that is not understood signs nothing more',
  async (_what, ofEntry) => {
    const scene = await RotationScene.start()
    await scene.bootstrap()
    const [first] = await scene.versions()
    if (first === undefined) throw new Error('no version')
    const { key, version, publicKey } = first
    const revoked = stateEntry(1, {
      key: { name: key, version, kid: publicKey.kid },
      from: 'active',
      to: 'revoked',
      action: 'revoke',
      sequence: 100,
      time: scene.now,
    })
    await scene.store.transaction(async (records) => {
      const entry = { ...laterEntry(revoked, { ofEntry }), labels: labelsOf(revoked) }
      await appendEncoded(records, await records.log.lockHead(), [entry])
    })
    const errors: CountersignError[] = []
    await using keyring = await createKeyring({
      store: scene.store,
      openKey: (...asked) => scene.providers.openKey(...asked),
      onError: (error) => errors.push(error),
    })

    expect(errors.map(({ code }) => code)).toEqual(['ERR_FORMAT_UNSUPPORTED'])
    expect(keyring.snapshot.versions.map((each) => each.version)).toEqual([2])
  },
)

test('a version is not destroyed while unknown entries may be its signatures', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const [first] = await scene.versions()
  if (first === undefined) throw new Error('no version')
  const { kid } = first.publicKey
  const signature = signatureEntry(1, kid)
  const ofEntry: Rewrite = (text) => text.replace('"type":"signature"', '"type":"countersignature"')
  await scene.store.transaction(async (records) => {
    const entry = { ...laterEntry(signature, { ofEntry }), labels: labelsOf(signature) }
    await appendEncoded(records, await records.log.lockHead(), [entry])
  })

  expect(await codeOfAsync(() => lastSignatureAt(scene.store.log, kid))).toBe(
    'ERR_FORMAT_UNSUPPORTED',
  )
})
