import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { build } from 'esbuild'
import { packageNames, reachOfModules } from '../package/reach.ts'
import { assertNamesKept, REQUIRE } from './bundle-cli.ts'
import { renderNotices } from './notices.ts'

/** A compiled library. */
export interface CompiledLibrary {
  /** The project, whose `node_modules` has what is bundled. */
  readonly root: string
  /** Folder of the library, below the project's. */
  readonly folder: string
  /** Paths of its entry points, below the project's folder. */
  readonly entryPoints: readonly string[]
  /** Packages that are installed with the library. */
  readonly installed: readonly string[]
}

/**
 * Bundles packages that are not installed with the library into the modules that import them, in place. The library's
 * own modules stay files, each loaded once.
 */
export async function bundleInPlace(library: CompiledLibrary): Promise<void> {
  const { root, folder, installed } = library
  const importers = await findImporters(library)
  if (importers.length === 0) return
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [...importers],
    outbase: folder,
    outdir: folder,
    allowOverwrite: true,
    chunkNames: 'bundled/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: [...installed],
    plugins: [
      {
        name: 'own-modules-stay',
        setup: (build) => {
          build.onResolve({ filter: /^\.\.?\// }, ({ importer, kind, path }) =>
            kind === 'entry-point' || importer.includes('/node_modules/')
              ? undefined
              : { path, external: true },
          )
        },
      },
    ],
    banner: { js: REQUIRE },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    charset: 'utf8',
    metafile: true,
    logLevel: 'warning',
  })
  assertNamesKept(metafile)
  const inputs = Object.keys(metafile.inputs).map((path) => resolve(root, path))
  const notices = await renderNotices(inputs, 'The library')
  await writeFile(join(root, folder, 'THIRD-PARTY-NOTICES.txt'), notices)
}

/** The modules that import a package which is not installed. */
async function findImporters({
  root,
  entryPoints,
  installed,
}: CompiledLibrary): Promise<readonly string[]> {
  const { modules } = await reachOfModules(root, entryPoints)
  const imported = /^import .*? from ['"]([^'"]+)['"]/gm
  return [...modules]
    .map((module) => `${module}.js`)
    .filter((path) => {
      const text = readFileSync(join(root, path), 'utf8')
      const packages = packageNames([...text.matchAll(imported)].map(([, name = '']) => name))
      return [...packages].some((name) => !installed.includes(name))
    })
}
