import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, type TestContext } from 'vitest'
import { SCRIPTS, SHELLS } from '../../../cli/completion/scripts.ts'
import { countersign, documentOf } from '../../support/cli.ts'
import { putCommandInto } from '../../support/command-line.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

/** What a completion script would be answered for a line; its last word is the one under the cursor. */
async function complete(
  line: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const words = line.split(' ')
  const current = words.pop() ?? ''
  const request = ['complete', `--current=${current}`, '--', ...words]
  const { exitCode, stdout, stderr } = await countersign(request, { env })
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  return stdout.split('\n').slice(0, -1)
}

const values = (lines: readonly string[]): readonly string[] =>
  lines.map((line) => line.replace(/\t.*$/, ''))

test('the first word is a command, with what it does', async () => {
  expect(await complete('ver')).toEqual([
    'verify\tcheck signatures and attestations against what you trust',
    ':',
  ])
  expect(values(await complete(''))).toContain('doctor')
  expect(values(await complete(''))).not.toContain('complete')
})

test('a command of commands is completed with those', async () => {
  expect(values(await complete('key '))).toEqual([
    ...['create', 'show', 'export', 'list', 'rotate', 'activate', 'retire', 'revoke', 'destroy'],
    ...['import', 'relocate', 'import-parameters', 'wrap', 'import-material'],
    ...['approvals', 'approve', 'help', ':'],
  ])
  expect(values(await complete('--json key sh'))).toEqual(['show', ':'])
})

test('a dash begins the options of the command and those of all', async () => {
  const options = values(await complete('key create -'))

  expect(options).toEqual(expect.arrayContaining(['--rsa-bits', '--dry-run', '--json', '--help']))
  expect(options).not.toContain('--version')
  expect(values(await complete('key create --no-p'))).toEqual(['--no-passphrase', ':'])
})

test('an option with choices is completed with them, apart or attached', async () => {
  expect(values(await complete('key export k.pem --format '))).toEqual(['pem', 'jwk', 'jwks', ':'])
  expect(values(await complete('key export k.pem --format=jwk'))).toEqual([
    '--format=jwk',
    '--format=jwks',
    ':',
  ])
  expect(values(await complete('key export k.pem --json=j'))).toEqual([':'])
})

test('algorithms and predicate types are known', async () => {
  expect(values(await complete('sign --algorithm ES'))).toEqual(['ES256', 'ES384', 'ES512', ':'])
  expect(values(await complete('verify --type spdx'))).toEqual(['spdxjson', 'spdx', ':'])
})

test('keys of the configuration are known, beside files', async () => {
  const config = join(createTempFolder(), 'countersign.yaml')
  writeFileSync(config, 'keys: { release: { use: artifact, provider: "awskms:///alias/a" } }')
  const env = { COUNTERSIGN_CONFIG: config }
  const release = 'release\tES256, awskms:///alias/a'

  expect(await complete('sign --key ', env)).toEqual([release, ':files'])
  expect(await complete('key show rel', env)).toEqual([release, ':files'])
  expect(await complete(`key show --config ${config} `)).toEqual([release, ':files'])
})

test('an invalid configuration completes no keys and prints no error', async () => {
  const config = join(createTempFolder(), 'countersign.yaml')
  writeFileSync(config, 'kyes: {}')

  expect(await complete('key show ', { COUNTERSIGN_CONFIG: config })).toEqual([':files'])
})

test.each(['sign ', 'sign a b ', 'sign --bundle ', 'sign -- ', 'sign -- --js', 'config check '])(
  'files come after "%s"',
  async (line) => {
    expect(await complete(line)).toEqual([':files'])
  },
)

test.each(['config show ', 'config check a ', 'verify --threshold ', 'nothing ', 'key what '])(
  'no file comes after "%s"',
  async (line) => {
    expect((await complete(line)).at(-1)).toBe(':')
  },
)

test('--json answers the same as one document', async () => {
  const result = await countersign(['complete', '--json', '--current=doc'])

  expect(documentOf(result)).toMatchObject({
    schema: 'https://countersign.dev/schemas/completions/v1',
    ok: true,
    candidates: [{ value: 'doctor' }],
    files: false,
  })
})

test.each(SHELLS)('completion %s prints the script of the shell', async (shell) => {
  const { exitCode, stdout } = await countersign(['completion', shell])

  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: SCRIPTS[shell] })
  expect(stdout).toContain(`countersign completion ${shell}`)
})

test('another shell is refused by name', async () => {
  const result = await countersign(['completion', 'tcsh'])

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain('bash, zsh, fish, powershell')
})

/** A folder with files to complete, where `countersign` is on the path; runs a line of a real shell in it. */
function createShell(
  context: TestContext,
  shell: string,
  before = '',
): (code: string, ...args: string[]) => string[] {
  context.skip(spawnSync(shell, ['-c', ':']).status !== 0, `${shell} is not installed`)
  const folder = createTempFolder()
  const bin = join(folder, 'bin')
  putCommandInto(bin)
  writeFileSync(join(folder, 'app.txt'), '')
  writeFileSync(
    join(folder, 'countersign.yaml'),
    'keys: { nightly: { use: artifact, provider: file:n.pem } }',
  )
  const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: folder }
  return (code, ...args) => {
    const flags = { bash: ['--noprofile', '--norc'], zsh: ['-f'] }[shell] ?? ['--no-config']
    const script = `${before}\n${SCRIPTS[shell as 'bash']}\n${code}`
    const ran = spawnSync(shell, [...flags, '-c', script, ...args], {
      cwd: folder,
      env,
      encoding: 'utf8',
    })
    expect(ran.stderr).toBe('')
    return ran.stdout.split('\n').filter((line) => line !== '')
  }
}

const BASH_PROBE =
  'COMP_LINE=$0 COMP_POINT=${#0}; _countersign countersign "$1" ""; printf "%s\\n" "${COMPREPLY[@]}"'

test('bash completes commands, keys, files and what stands behind = and :', (context) => {
  const bash = createShell(context, 'bash')

  expect(bash(BASH_PROBE, 'countersign key cr', 'cr')).toEqual(['create'])
  expect(bash(BASH_PROBE, 'countersign sign --key n', 'n')).toEqual(['nightly'])
  expect(bash(BASH_PROBE, 'countersign sign ap', 'ap')).toEqual(['app.txt'])
  expect(bash(BASH_PROBE, 'countersign key export --format=j', 'j')).toEqual(['jwk', 'jwks'])
  expect(bash(BASH_PROBE, 'countersign sign file:ap', 'ap')).toEqual(['app.txt'])
  expect(bash('complete -p countersign')).toEqual(['complete -F _countersign countersign'])
})

test('fish completes commands, keys and files', (context) => {
  const fish = createShell(context, 'fish')

  expect(fish('complete -C "countersign key cr"')).toEqual([
    'create\tmake a key in a file, AWS KMS or a PKCS#11 token',
  ])
  expect(fish('complete -C "countersign sign --key n"')).toEqual(['nightly\tES256, file:n.pem'])
  expect(fish('complete -C "countersign sign app"')).toEqual(['app.txt'])
})

/** Stands in for the parts of zsh's completion system that need a terminal. */
const ZSH_PROBE = `
_describe() { print -rl -- "\${described[@]}" }
_files() { print FILES }
compset() { : }
words=(countersign "$@"); CURRENT=$#words; PREFIX=$words[-1]; _countersign`

test('zsh is given commands, keys and files', (context) => {
  const zsh = createShell(context, 'zsh', 'compdef() { : }')

  expect(zsh(ZSH_PROBE, 'zsh', 'key', 'cr')).toEqual([
    'create:make a key in a file, AWS KMS or a PKCS#11 token',
  ])
  expect(zsh(ZSH_PROBE, 'zsh', 'sign', '--key', 'n')).toEqual([
    'nightly:ES256, file:n.pem',
    'FILES',
  ])
})
