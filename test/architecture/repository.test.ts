import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test, type TestContext } from 'vitest'
import { git, listProjectFiles, PROJECT, readProjectFile } from '../support/project.ts'

const SUBJECT =
  /^(feat|fix|refactor|perf|test|docs|build|ci|chore)(\([a-z0-9-]+\))?!?: [a-z].{0,60}[^.]$/

/** Folders of one person's or one machine's file system, as they would slip into a committed file. */
const MACHINE_PATH = /(?<![\w.@:}/-])\/(work|root|home|Users)\/[\w.]/

const LICENCES_AND_LOCKS = ['LICENSE', 'package-lock.json']

/** Reads git's answer line by line, skipping the test where there is no repository. */
function gitLines(context: TestContext, ...args: readonly string[]): string[] {
  const out = git(...args)
  context.skip(out === undefined, 'no git repository here')
  return (out ?? '').split('\n').filter((line) => line !== '')
}

test('every commit subject reads type(folder): imperative lower case', (context) => {
  const subjects = gitLines(context, 'log', '--no-merges', '--format=%s', 'HEAD')

  expect(subjects.filter((subject) => !SUBJECT.test(subject))).toEqual([])
})

test('no tracked file and no commit message holds a path of a machine', (context) => {
  const messages = gitLines(context, 'log', '--format=%h %B', 'HEAD')
  const files = trackedFiles(context).filter((path) => MACHINE_PATH.test(readProjectFile(path)))

  expect(files).toEqual([])
  expect(messages.filter((line) => MACHINE_PATH.test(line))).toEqual([])
})

test('no tracked file names the package registry it was installed from', (context) => {
  const registry = execFileSync('npm', ['config', 'get', 'registry'], {
    cwd: PROJECT,
    encoding: 'utf8',
  })
  const { host } = new URL(registry.trim())
  const files = trackedFiles(context).filter((path) => readProjectFile(path).includes(host))

  expect(files).toEqual([])
})

test('every link of a page to another file of the repository leads somewhere', (context) => {
  const pages = trackedFiles(context).filter((path) => path.endsWith('.md'))
  const links = pages.flatMap((page) =>
    [...readProjectFile(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(
      ([, target = '']) => ({ page, target }),
    ),
  )
  const leadsNowhere = ({ page, target }: { page: string; target: string }): boolean =>
    !existsSync(join(PROJECT, dirname(page), target))

  expect(links.filter(leadsNowhere)).toEqual([])
})

test('the lock file does not say where packages come from', () => {
  expect(readProjectFile('package-lock.json')).not.toContain('"resolved"')
})

test('the change log has a place for what is not released yet', () => {
  expect(readProjectFile('CHANGELOG.md')).toMatch(/^## Unreleased$/m)
})

test('the pages a reader looks for are there', () => {
  const pages = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'LICENSE', 'docs/errors.md']

  expect(listProjectFiles(...pages)).toEqual(pages.toSorted())
})

function trackedFiles(context: TestContext): string[] {
  return gitLines(context, 'ls-files').filter((path) => !LICENCES_AND_LOCKS.includes(path))
}
