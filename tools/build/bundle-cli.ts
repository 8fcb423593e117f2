import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { build, type Metafile } from 'esbuild'
import { coreChunk } from './core-chunk.ts'
import { renderNotices } from './notices.ts'

/** What to bundle, and the folder that takes `main.js`, its chunks and the notices; paths below `root`. */
export interface BundleRequest {
  /** Absolute; the bundle holds only paths relative to it, so its place does not matter. */
  readonly root: string
  readonly entry: string
  readonly outdir: string
  /** Packages that are loaded from where the package is installed; all others go into the bundle. */
  readonly external?: readonly string[]
  /** Modules that are loaded so often that they go into one chunk with all they import. */
  readonly core?: readonly string[]
  /** Modules that run on threads or in processes, by their names: they lie beside the chunks, which start them. */
  readonly started?: Readonly<Record<string, string>>
}

const HASHBANG = '#!/usr/bin/env node\n'

/** Bundled CommonJS packages call require() for Node's own modules, which an ES module does not have. */
export const REQUIRE =
  "import{createRequire as countersignRequire}from'node:module';const require=countersignRequire(import.meta.url);"

/**
 * Bundles the command line into one executable ES module and the chunks its `import()` calls load,
 * with the packages it needs inside, but for those named. The entry itself is the only file that a Node
 * too old for the others reads: it imports them late. The same sources give the same bytes.
 *
 * @throws Error — a CommonJS package inside the bundle is imported late: its names would be missing
 */
export async function bundleCli(request: BundleRequest): Promise<void> {
  const { root, entry, outdir, external = [], core = [] } = request
  const started = inChunks(request.started ?? {})
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { main: entry, ...started },
    plugins: [coreChunk(root, core)],
    outdir,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: [...external],
    banner: { js: REQUIRE },
    // Identifiers stay: they cost little once loaded lazily, and stack traces remain readable.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    charset: 'utf8',
    metafile: true,
    logLevel: 'warning',
  })
  assertNamesKept(metafile)
  await makeExecutable(join(root, outdir, 'main.js'))
  const inputs = Object.keys(metafile.inputs).map((path) => resolve(root, path))
  await writeFile(join(root, outdir, 'THIRD-PARTY-NOTICES.txt'), await renderNotices(inputs))
}

function inChunks(modules: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(modules).map(([name, path]) => [`chunks/${name}`, path]))
}

/**
 * With splitting, esbuild gives `import()` of a CommonJS module a chunk that exports `default` alone, and
 * `const { name } = await import(…)` is undefined. A static import of it, in a module that is itself imported
 * late, keeps its names.
 */
export function assertNamesKept({ inputs }: Metafile): void {
  const mistakes = Object.entries(inputs).flatMap(([importer, { imports }]) =>
    imports
      .filter(({ kind, path }) => kind === 'dynamic-import' && inputs[path]?.format === 'cjs')
      .map(({ path }) => `${importer} imports ${path} late, which is CommonJS and bundled`),
  )
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'))
}

async function makeExecutable(path: string): Promise<void> {
  const text = await readFile(path, 'utf8')
  if (!text.startsWith('#!')) await writeFile(path, HASHBANG + text)
  await chmod(path, 0o755)
}
