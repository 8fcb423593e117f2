import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { coreChunk } from './core-chunk.ts'
import { renderNotices } from './notices.ts'

/** What to bundle, and the folder that takes `main.js`, its chunks and the notices; paths below `root`. */
export interface BundleRequest {
  /** Absolute; the bundle holds only paths relative to it, so its place does not matter. */
  readonly root: string
  readonly entry: string
  readonly outdir: string
  /** Modules that are loaded so often that they go into one chunk with all they import. */
  readonly core?: readonly string[]
  /** Modules that run on threads, by their names: they lie beside the chunks, which start them. */
  readonly threads?: Readonly<Record<string, string>>
}

/**
 * Loaded from where the package is installed: a native addon, a WebAssembly file that is found by its
 * place, and what only the service needs, which nobody runs from a single file.
 */
const INSTALLED = [
  'pkcs11js',
  '@cedar-policy/cedar-wasm',
  'fastify',
  'fastify-plugin',
  '@fastify/*',
  'kysely',
  'pg',
]

const HASHBANG = '#!/usr/bin/env node\n'

// Bundled CommonJS packages call require() for Node's own modules, which an ES module does not have.
const REQUIRE =
  "import{createRequire as countersignRequire}from'node:module';const require=countersignRequire(import.meta.url);"

/**
 * Bundles the command line into one executable ES module and the chunks its `import()` calls load,
 * with the packages it needs inside, but for {@link INSTALLED}. The same sources give the same bytes.
 */
export async function bundleCli(request: BundleRequest): Promise<void> {
  const { root, entry, outdir, core = [] } = request
  const threads = inChunks(request.threads ?? {})
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { main: `entry:${entry}`, ...threads },
    plugins: [coreChunk(root, core)],
    outdir,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: INSTALLED,
    banner: { js: REQUIRE },
    // Identifiers stay: they cost little once loaded lazily, and stack traces remain readable.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    charset: 'utf8',
    metafile: true,
    logLevel: 'warning',
  })
  await makeExecutable(join(root, outdir, 'main.js'))
  const inputs = Object.keys(metafile.inputs).map((path) => resolve(root, path))
  await writeFile(join(root, outdir, 'THIRD-PARTY-NOTICES.txt'), await renderNotices(inputs))
}

function inChunks(modules: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(modules).map(([name, path]) => [`chunks/${name}`, path]))
}

async function makeExecutable(path: string): Promise<void> {
  const text = await readFile(path, 'utf8')
  if (!text.startsWith('#!')) await writeFile(path, HASHBANG + text)
  await chmod(path, 0o755)
}
