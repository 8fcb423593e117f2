import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { REQUIRE } from './bundle-cli.ts'
import { renderNotices } from './notices.ts'

/** What to bundle; paths below `root`. */
export interface ActionBundleRequest {
  /** Absolute; the bundle holds only paths relative to it, so its place does not matter. */
  readonly root: string
  readonly entry: string
  /** Folder that takes `index.js` and the notices; below `root`, or absolute. */
  readonly outdir: string
}

/**
 * Bundles the Action into one file, as the runner checks it out: nothing is installed there, and a native
 * addon would be of the wrong machine. What is imported late is evaluated late. The same sources give the
 * same bytes.
 */
export async function bundleAction({ root, entry, outdir }: ActionBundleRequest): Promise<void> {
  const folder = resolve(root, outdir)
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { index: entry },
    outdir: folder,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    alias: { '@actions/core': join(import.meta.dirname, 'silent-core.ts') },
    banner: { js: REQUIRE },
    minify: true,
    // Errors are told apart by the names of their classes, and stack traces are read by people.
    keepNames: true,
    legalComments: 'none',
    charset: 'utf8',
    metafile: true,
    logLevel: 'warning',
  })
  const inputs = Object.keys(metafile.inputs).map((path) => resolve(root, path))
  const notices = await renderNotices(inputs, 'The Action')
  await writeFile(join(folder, 'THIRD-PARTY-NOTICES.txt'), notices)
}
