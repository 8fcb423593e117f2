/** Loaded before a program, lets it import the packages by their names without an installation: from the sources. */
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PROJECT } from '../project.ts'

const ENTRY_POINTS: Readonly<Record<string, string>> = {
  countersign: 'index',
  'countersign/verify': 'verify',
  'countersign/jose': 'jose',
  'countersign/errors': 'errors',
  'countersign/testing': 'testing',
  '@countersign/verify': 'verify',
  '@countersign/jose': 'jose',
}
const HERE = pathToFileURL(join(PROJECT, 'package.json')).href

registerHooks({
  resolve: (specifier, context, next) => {
    const entry = ENTRY_POINTS[specifier]
    if (entry !== undefined) return next(pathToFileURL(join(PROJECT, `src/${entry}.ts`)).href)
    // Programs lie outside of the project, and import its development packages.
    const isBare = /^[@a-z]/.test(specifier) && !specifier.includes(':')
    const isOutside = context.parentURL?.startsWith(pathToFileURL(PROJECT).href) === false
    return next(specifier, isBare && isOutside ? { ...context, parentURL: HERE } : context)
  },
})
