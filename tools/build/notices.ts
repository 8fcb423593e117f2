import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A package whose code is in a bundle, and the terms it comes under. */
interface BundledPackage {
  readonly title: string
  readonly license: string
  readonly text: string
}

const LICENSE_FILE = /^(licen[cs]e|copying|notice)\b/i
const RULE = '-'.repeat(80)

/**
 * Renders the licence notices of every package that the bundled files come from, in order of name.
 *
 * @param files - absolute paths of all files that went into the bundle
 * @param what - the bundle, at the start of a sentence
 */
export async function renderNotices(
  files: readonly string[],
  what = 'The command line',
): Promise<string> {
  const folders = new Set(files.map(packageFolder).filter((folder) => folder !== undefined))
  const packages = await Promise.all([...folders].map(readPackage))
  const sections = packages
    .map(({ title, license, text }) => `${RULE}\n${title}\nLicence: ${license}\n\n${text.trim()}\n`)
    .toSorted()
  const unique = [...new Set(sections)]
  return `${what} of countersign contains code of these packages.\n\n${unique.join('\n')}`
}

/** The folder of the package a file belongs to, or undefined for the project's own files. */
function packageFolder(file: string): string | undefined {
  const match = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file.replaceAll('\\', '/'))
  return match?.[0]
}

async function readPackage(folder: string): Promise<BundledPackage> {
  const manifest: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  const { name, version, license } = manifest as Record<string, unknown>
  const names = (await readdir(folder)).filter((file) => LICENSE_FILE.test(file)).toSorted()
  const texts = await Promise.all(names.map((file) => readFile(join(folder, file), 'utf8')))
  return {
    title: `${String(name)} ${String(version)}`,
    license: typeof license === 'string' ? license : 'see below',
    text: texts.length > 0 ? texts.join('\n') : '(the package carries no licence text)',
  }
}
