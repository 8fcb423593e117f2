/**
 * Inputs that are small to send and slow to read. Each parser is in one list, with its limit and its worst
 * inputs; `npm run bench -- --only parsers` measures them at the limit.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findFiles } from '../../action/file-globs.ts'
import { createStepLog } from '../../action/runner.ts'
import { parseYamlText } from '../../src/config/yaml-text.ts'
import { parseBundle } from '../../src/formats/bundle.ts'
import { parseJson } from '../../src/formats/json.ts'
import { parseSignedNote } from '../../src/formats/signed-note.ts'
import { parseKeyHistory } from '../../src/keys/key-history.ts'
import { parseEntryBundle } from '../../src/log/entry-bundle.ts'
import { parseTrustedRoot } from '../../src/verification/trusted-root.ts'
import { codeOfAsync } from '../support/errors.ts'
import { growthOf, LINEAR } from '../support/growth.ts'
import { PARSERS } from '../support/parsers.ts'
import { listProjectFiles, readProjectFile } from '../support/project.ts'
import { createTempFolder } from '../support/temp-folder.ts'

/** Functions that are called like parsers, and why none is in the list. */
const OTHERS: Readonly<Record<string, string>> = {
  parsePredicateDocument: 'a part of parsePredicate',
  parseTokenObject: 'a part of parseJws and parseJwt',
  parseJsonInTurns: 'lets others have their turn, which its own tests hold',
  parseRegistry: 'one argument, handed to parseImageReference',
  parseNamedArtifact: 'one argument, handed to parseArtifactReference',
  parseImage: 'one argument, handed to parseNamedArtifact',
  parseFileUri: 'a part of parseKeyUri',
  parseFolder: 'one setting of the operator',
  splitSubjects: 'subjects of one run, a list of objects',
  parseCount: 'one argument of at most nine digits',
  parseServer: 'one argument, handed to URL',
  parseKeyArgument: 'one argument, handed to parseKeyUri',
  parseTime: 'one argument',
  parseAction: 'one argument, looked up in a table',
  parseInputs: 'inputs of the workflow, handed to the parsers of the list',
  splitConjunction: 'an expression that Cedar has parsed',
  splitPostgresHosts: 'one setting of the operator',
  parsePostgresAddress: 'one setting of the operator',
}

const PARSER = /^export (?:async )?function ((?:parse|decode|split|normalize)\w+)[(<]/gm

function exportedParsers(): readonly string[] {
  const files = listProjectFiles('{src,cli,action}/**/*.ts').filter(
    (file) => !/^(src\/testing|action\/dist)\//.test(file),
  )
  return files.flatMap((file) =>
    [...readProjectFile(file).matchAll(PARSER)].map(([, name = '']) => name),
  )
}

test('every exported parser is in the list', () => {
  const known = new Set([...PARSERS.map(({ name }) => name), ...Object.keys(OTHERS)])

  expect(exportedParsers().length).toBeGreaterThan(50)
  expect(exportedParsers().filter((name) => !known.has(name))).toEqual([])
})

/** Long enough for quadratic work to show, and short enough for it to end. */
const LENGTH = 128 * 1024

test.each(PARSERS)('$name costs no more than in proportion to its input', async (parser) => {
  const { shapes, parse, limit } = parser
  const growths = new Map<string, number>()
  for (const [shape, make] of Object.entries(shapes)) {
    const prepare = (length: number): (() => unknown) => {
      const input = make(length)
      return () => parse(input)
    }
    growths.set(shape, await growthOf(prepare, Math.min(limit, LENGTH)))
  }

  expect([...growths].filter(([, growth]) => growth >= LINEAR)).toEqual([])
})

const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one)
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))
const ROOT = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1'
const start = { start: '2026-01-01T00:00:00Z' }

const bundleWith = (material: object): Uint8Array =>
  json({
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: '' }, ...material },
    dsseEnvelope: { payloadType: 'a', payload: 'QUFB', signatures: [{ sig: 'QUFB' }] },
  })

test.each<[string, string, () => unknown]>([
  [
    'a bundle with 17 time stamps',
    'ERR_BUNDLE_INVALID',
    () =>
      parseBundle(bundleWith({ timestampVerificationData: { rfc3161Timestamps: times(17, {}) } })),
  ],
  [
    'a bundle with 17 log entries',
    'ERR_BUNDLE_INVALID',
    () => parseBundle(bundleWith({ tlogEntries: times(17, {}) })),
  ],
  [
    'a trusted root with 1025 logs',
    'ERR_TRUST_INVALID',
    () =>
      parseTrustedRoot(
        json({ mediaType: ROOT, tlogs: times(1025, { publicKey: { validFor: start } }) }),
      ),
  ],
  [
    'a trusted root with a chain of nine certificates',
    'ERR_TRUST_INVALID',
    () =>
      parseTrustedRoot(
        json({
          mediaType: ROOT,
          timestampAuthorities: [{ validFor: start, certChain: { certificates: times(9, {}) } }],
        }),
      ),
  ],
  [
    'a key history with 2001 versions',
    'ERR_TRUST_INVALID',
    () => parseKeyHistory(json({ sequence: 1, keys: times(2001, {}) })),
  ],
  [
    'a key history with 17 trust keys',
    'ERR_TRUST_INVALID',
    () => parseKeyHistory(json({ sequence: 1, keys: [], trustKeys: times(17, {}) })),
  ],
  [
    'a bundle of 257 log entries',
    'ERR_LOG_PROOF_INVALID',
    () => parseEntryBundle(new Uint8Array(2 * 257)),
  ],
  [
    'a signed note of over 64 KiB',
    'ERR_INPUT_TOO_LARGE',
    () => parseSignedNote(Buffer.from('a'.repeat(64 * 1024 + 1))),
  ],
  [
    'a JSON text of over 300,000 values',
    'ERR_INPUT_TOO_LARGE',
    () => parseJson(json(times(300_001, 1))),
  ],
])('%s is refused before any part of it is parsed', async (_what, code, parse) => {
  expect(await codeOfAsync(() => Promise.resolve().then(parse))).toBe(code)
})

test('a YAML text with more tokens than any configuration is refused before it is composed', () => {
  const { problems } = parseYamlText('a: 1\n'.repeat(3000), 'a.yaml')

  expect(problems.map(({ message }) => message)).toEqual(['too long: settings take far less'])
})

test.each([
  ['many wildcards in one name', `${'*a'.repeat(4)}*b`],
  ['wildcards that others separate', 'x/a*?*[b]**c'],
  ['folders in folders in folders', '**/'.repeat(12)],
  ['a long text', 'a'.repeat(2000)],
])('a pattern of files with %s is refused before it is compared', async (_what, pattern) => {
  const folder = createTempFolder()
  for (const name of ['app-1.tgz', 'a'.repeat(255)]) writeFileSync(join(folder, name), '')
  const context = { env: { GITHUB_WORKSPACE: folder }, log: createStepLog(() => undefined) }
  const find = (patterns: readonly string[]): ReturnType<typeof findFiles> =>
    findFiles(patterns, { maxFiles: 10, isEachDemanded: true }, context)

  expect(await codeOfAsync(() => find([pattern]))).toBe('ERR_USAGE')
  expect(await find(['*-*.*'])).toHaveLength(1)
})
