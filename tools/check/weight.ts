import { globSync, lstatSync } from 'node:fs'
import { join } from 'node:path'

/** What an installation takes. */
export interface Weight {
  /** Packages, those of ours included. */
  readonly packages: number
  /** Sizes of all files, in millions of bytes. */
  readonly megabytes: number
}

/** The most that an installation of each package may take. A new dependency must fit, or be bundled so that it does. */
const WEIGHT_BUDGETS: Readonly<Record<string, Weight>> = {
  countersign: { packages: 84, megabytes: 40 },
  '@countersign/verify': { packages: 8, megabytes: 4 },
  // With jose, its peer.
  '@countersign/jose': { packages: 2, megabytes: 0.5 },
}

/**
 * Weighs an installation.
 *
 * @param folder - has the `node_modules`
 */
export function weigh(folder: string): Weight {
  const modules = join(folder, 'node_modules')
  const manifests = globSync(['*/package.json', '@*/*/package.json'], { cwd: modules })
  const nested = globSync(['**/node_modules/*/package.json', '**/node_modules/@*/*/package.json'], {
    cwd: modules,
  })
  const files = globSync('**', { cwd: modules, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  const sizes = files.map(({ parentPath, name }) => lstatSync(join(parentPath, name)).size)
  return {
    packages: new Set([...manifests, ...nested]).size,
    megabytes: sizes.reduce((sum, size) => sum + size, 0) / 1e6,
  }
}

/** Finds what is over the budget of a package: a sentence for each. */
export function findExcess(name: string, { packages, megabytes }: Weight): readonly string[] {
  const budget = WEIGHT_BUDGETS[name]
  if (budget === undefined) return [`${name} has no budget for its weight`]
  return [
    ...(packages > budget.packages
      ? [`${name} installs ${packages} packages, its budget is ${budget.packages}`]
      : []),
    ...(megabytes > budget.megabytes
      ? [`${name} installs ${megabytes.toFixed(1)} MB, its budget is ${budget.megabytes} MB`]
      : []),
  ]
}
