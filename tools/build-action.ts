// `npm run build:action`: the bundle that the runner starts, into action/dist. With --check: nothing is
// written, and a bundle that is not the one of these sources fails.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { bundleAction } from './build/bundle-action.ts'

const ROOT = resolve(import.meta.dirname, '..')
const DIST = 'action/dist'
/** So that a runner is not kept waiting for a checkout. */
const MAX_BYTES = 2.5 * 1024 * 1024

process.chdir(ROOT)
if (process.argv.includes('--check')) await compare()
else await bundleAction({ root: ROOT, entry: 'action/main.ts', outdir: DIST })

async function compare(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'countersign-action-'))
  try {
    await bundleAction({ root: ROOT, entry: 'action/main.ts', outdir: scratch })
    const names = new Set([...readdirSync(scratch), ...readdirSync(DIST)])
    for (const name of names) {
      if (read(scratch, name).equals(read(DIST, name))) continue
      fail(`${DIST}/${name} is not what these sources make: npm run build:action`)
    }
    const { length } = read(scratch, 'index.js')
    if (length > MAX_BYTES) fail(`${DIST}/index.js has ${length} bytes, over ${MAX_BYTES}`)
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

function read(folder: string, name: string): Buffer {
  try {
    return readFileSync(join(folder, name))
  } catch {
    return Buffer.alloc(0)
  }
}

function fail(message: string): void {
  console.error(message)
  process.exitCode = 1
}
