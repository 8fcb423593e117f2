import { expect, test } from 'vitest'
import { countersign, documentOf } from '../support/cli.ts'

test('no command at all is a usage error', async () => {
  expect(await countersign([])).toEqual({
    exitCode: 2,
    stdout: '',
    stderr: 'error: no command was given [ERR_USAGE]\nhint:  see countersign --help\n',
  })
})

test('a misspelt command gets the nearest one named', async () => {
  const { exitCode, stderr } = await countersign(['verfy', 'file'])

  expect(exitCode).toBe(2)
  expect(stderr).toBe(
    "error: unknown command 'verfy' [ERR_USAGE]\nhint:  did you mean verify? see countersign --help\n",
  )
})

test('a misspelt option gets the nearest one and the help of its command named', async () => {
  const { stderr } = await countersign(['verify', '--jsn'])

  expect(stderr).toContain('hint:  did you mean --json? see countersign verify --help\n')
})

test.each([
  ['before the command', ['--json', 'verify', '--nonsense']],
  ['after the command', ['verify', '--json', '--nonsense']],
])('--json %s gives one document on stdout and nothing on stderr', async (_, args) => {
  const result = await countersign(args)

  expect(result.stderr).toBe('')
  expect(documentOf(result)).toEqual({
    schema: 'https://countersign.dev/schemas/error/v1',
    ok: false,
    exitCode: 2,
    error: {
      code: 'ERR_USAGE',
      message: "unknown option '--nonsense'",
      hint: 'see countersign verify --help',
      retryable: false,
    },
  })
})

test('a mistake in a command of a command is sent to the help of that one', async () => {
  const hintOf = async (...args: readonly string[]): Promise<string> =>
    (await countersign(args)).stderr.split('\n')[1] ?? ''

  expect(await hintOf('key', 'revoke', 'release')).toBe('hint:  see countersign key revoke --help')
  expect(await hintOf('token', 'verify', '--server', 'x')).toMatch(
    /see countersign token verify --help$/,
  )
  expect(await hintOf('key', 'nonsense')).toMatch(/see countersign key --help$/)
})

test('arguments after -- are not options', async () => {
  const { stdout, stderr } = await countersign(['verify', '--nonsense', '--', '--json', '-q'])

  expect(stdout).toBe('')
  expect(stderr).toContain('ERR_USAGE')
})

test('--version prints the version alone', async () => {
  const { exitCode, stdout, stderr } = await countersign(['--version'])

  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect(stderr).toBe('')
})

test('help COMMAND says what COMMAND --help says', async () => {
  const asked = await countersign(['help', 'verify'])

  expect(asked.exitCode).toBe(0)
  expect(asked).toEqual(await countersign(['verify', '--help']))
})

test.each([
  ['sign a --kye=k.pem', 'did you mean --key? see countersign sign --help'],
  ['sign a', 'see countersign sign --help'],
  ['sign a --zzzzzzzz', 'see countersign sign --help'],
])(
  'a required option that is missing in `%s` is suggested for a misspelt one',
  async (line, hint) => {
    const { exitCode, stderr } = await countersign(line.split(' '))

    expect(exitCode).toBe(2)
    expect(stderr).toBe(
      `error: required option '--key <key>' not specified [ERR_USAGE]\nhint:  ${hint}\n`,
    )
  },
)
