import { expect, test } from 'vitest'
import { countersign } from '../support/cli.ts'
import { documentedCommands } from '../support/documented-commands.ts'
import { listProjectFiles, readProjectFile } from '../support/project.ts'

/** What a command line asks for that the program does not have. */
async function unknownParts(words: readonly string[]): Promise<readonly string[]> {
  // Alternatives are written as one word: log show|verify|export.
  const [command = '', ...rest] = words
  // A word in capitals stands for any command.
  if (/^[A-Z]+$/.test(command)) return []
  const top = await countersign([command, '--help'])
  if (!top.stdout.startsWith(`Usage: countersign ${command} `)) return [command]
  if (!top.stdout.includes('\nCommands:')) return unknownOptions(rest, top.stdout)
  const [subcommands = '', ...more] = rest
  const unknown: string[] = []
  for (const subcommand of subcommands.split('|')) {
    const { exitCode, stdout } = await countersign([command, subcommand, '--help'])
    const isThere =
      exitCode === 0 && stdout.startsWith(`Usage: countersign ${command} ${subcommand}`)
    unknown.push(...(isThere ? unknownOptions(more, stdout) : [`${command} ${subcommand}`]))
  }
  return unknown
}

function unknownOptions(words: readonly string[], help: string): readonly string[] {
  const options = words
    .filter((word) => /^--?[a-z]/.test(word))
    .map((word) => word.replace(/=.*/, ''))
  return options.filter((option) => !new RegExp(`(^|[ ,])${option}($|[ ,])`, 'm').test(help))
}

test('command lines are found in blocks and in the text, without what a shell does with them', () => {
  const text = [
    'Say `countersign key list --server URL`, not `countersign`.',
    '```console',
    '$ countersign sign --key a \\',
    "  --reason 'two words' x   # a comment",
    'cosign verify',
    '```',
  ].join('\n')

  expect(documentedCommands(text)).toEqual([
    { line: 3, words: ['sign', '--key', 'a', '--reason', 'two words', 'x'] },
    { line: 1, words: ['key', 'list', '--server', 'URL'] },
  ])
})

test.each([
  ['key rotate x --server u', []],
  ['key rotate x --no-such', ['--no-such']],
  ['key turn x', ['key turn']],
  ['log show|verify', []],
  ['log show|forget', ['log forget']],
  ['sing x', ['sing']],
])('of `countersign %s` the program lacks %o', async (line, lacking) => {
  expect(await unknownParts(line.split(' '))).toEqual(lacking)
})

// The product page says what is wanted, also what is not there yet.
const documents = listProjectFiles('*.md', 'docs/**/*.md', 'src/**/*.md').filter(
  (path) => path !== 'CHANGELOG.md' && path !== 'docs/design/product.md',
)

test.each(documents)('%s shows commands and options that exist', async (path) => {
  const mistakes: string[] = []
  for (const { line, words } of documentedCommands(readProjectFile(path))) {
    for (const part of await unknownParts(words)) mistakes.push(`${path}:${line} ${part}`)
  }

  expect(mistakes).toEqual([])
})
