// `npm run golden -- 0.1.0`: makes the golden documents of a release in testdata/0.1.0, with throw-away keys.
// A set that is there is the word of a release: it is never made again, unless --again says that it is not out yet.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  GOLDEN_FILES,
  GOLDEN_FOLDER,
  type GoldenDocument,
  type GoldenRecord,
  type GoldenSet,
} from '../../test/support/golden/documents.ts'
import { readGolden } from '../../test/support/golden/read.ts'
import { makeLogs } from './logs.ts'
import { makeRejects } from './rejects.ts'
import { ARTIFACT, type Made, type MadeFile, toJsonText } from './release.ts'
import { makeBundles, makeImageSignatures } from './signatures.ts'
import { makeKeySet, makeTokens } from './tokens.ts'
import { keepTrust, makeAnchor, makeHistories, makeTrustedRoot, makeTrustKeys } from './trust.ts'

async function main([release = '', ...flags]: readonly string[]): Promise<void> {
  if (!/^\d+\.\d+\.\d+$/.test(release))
    throw new TypeError('usage: npm run golden -- 0.1.0 [--again]')
  const folder = join(GOLDEN_FOLDER, release)
  if (existsSync(folder) && !flags.includes('--again')) {
    throw new TypeError(`${folder} is there: documents of a release never change`)
  }
  rmSync(folder, { recursive: true, force: true })
  const documents = await makeAll(folder)
  const records: GoldenRecord[] = []
  for (const document of documents) records.push(await record(folder, document))
  const set: GoldenSet = {
    release,
    origin: {
      made: new Date().toISOString(),
      command: `npm run golden -- ${release}`,
      keys: 'made for this set alone, in memory; no private key was kept',
    },
    documents: records,
  }
  write(folder, { path: GOLDEN_FILES.set, bytes: toJsonText(set) })
  console.log(`${records.length} documents in ${folder}`)
}

async function makeAll(folder: string): Promise<readonly GoldenDocument[]> {
  const bundles = await makeBundles()
  const logs = await makeLogs(folder, bundles)
  const made: readonly Made[] = [
    ...bundles,
    ...(await makeImageSignatures()),
    ...logs.files,
    ...(await makeHistories()),
    makeTrustedRoot(),
    ...(await makeTokens()),
    makeAnchor(),
  ]
  const rejects = await makeRejects(made)
  const beside: readonly MadeFile[] = [
    { path: GOLDEN_FILES.artifact, bytes: ARTIFACT },
    makeTrustKeys(),
    makeKeySet(),
  ]
  const leaves = [...made, ...rejects].flatMap(({ beside: leaf, path }) =>
    leaf === undefined ? [] : [{ path: `${path}.leaf`, bytes: leaf }],
  )
  for (const file of [...beside, ...made, ...rejects, ...leaves]) write(folder, file)
  return [
    ...made.map(describe),
    ...logs.documents,
    ...(await keepTrust(folder)),
    ...rejects.map(describe),
  ]
}

function describe({ algorithm, evidence, kind, path, title, vkey }: Made): GoldenDocument {
  return {
    kind,
    path,
    title,
    ...(algorithm !== undefined && { algorithm }),
    ...(evidence !== undefined && { evidence }),
    ...(vkey !== undefined && { vkey }),
  }
}

/** What is made is held against what it must be: a set that is wrong is never written as right. */
async function record(folder: string, document: GoldenDocument): Promise<GoldenRecord> {
  const verdict = await readGolden(folder, document)
  const isRejected = document.path.startsWith('rejects/')
  if (verdict.ok !== isRejected) return { ...document, verdict }
  throw new Error(`${document.path} is not what it must be: ${JSON.stringify(verdict)}`)
}

function write(folder: string, { bytes, path }: MadeFile): void {
  const file = join(folder, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, bytes)
}

await main(process.argv.slice(2))
