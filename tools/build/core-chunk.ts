import { dirname, join, relative, resolve } from 'node:path'
import type { Plugin } from 'esbuild'

/**
 * Puts the named modules, with all they import, into one chunk. esbuild makes a chunk for every distinct
 * set of `import()` targets that share a module: dozens of small files, each of which costs the start
 * about a millisecond. Here every target of the project's own reaches the whole core, so the sets are
 * one set.
 *
 * @param root - absolute; modules below it are the project's own, but for node_modules
 * @param core - paths below `root`
 */
export function coreChunk(root: string, core: readonly string[]): Plugin {
  // Names below are relative: an absolute one would make the chunks' names depend on the place.
  const importCore = core.map((path) => `import ${JSON.stringify(`own:${path}`)}\n`)
  return {
    name: 'core-chunk',
    setup: (build) => {
      build.onResolve({ filter: /^\.\.?\// }, ({ kind, importer, path }) => {
        const isOwn = importer.startsWith(root) && !importer.includes('/node_modules/')
        if (kind !== 'dynamic-import' || !isOwn) return undefined
        const target = resolve(root, dirname(importer), path)
        return { path: relative(root, target), namespace: 'entry' }
      })
      build.onResolve({ filter: /^entry:/ }, ({ path }) => ({
        path: path.slice('entry:'.length),
        namespace: 'entry',
      }))
      build.onResolve({ filter: /^whole-core$/ }, ({ path }) => ({
        path,
        namespace: 'core',
        sideEffects: true,
      }))
      // package.json says that no module has side effects: esbuild would drop what nothing is taken from.
      build.onResolve({ filter: /^own:/ }, ({ path }) => ({
        path: join(root, path.slice('own:'.length)),
        sideEffects: true,
      }))
      build.onLoad({ filter: /./, namespace: 'core' }, () => ({
        contents: importCore.join(''),
        resolveDir: root,
      }))
      build.onLoad({ filter: /./, namespace: 'entry' }, ({ path }) => ({
        contents: `import 'whole-core'\nexport * from ${JSON.stringify(`own:${path}`)}`,
        resolveDir: root,
      }))
    },
  }
}
