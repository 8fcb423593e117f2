import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { expect, test } from 'vitest'
import { COMMANDS } from '../../../cli/commands.ts'
import { EXAMPLES } from '../../../cli/examples.ts'
import { addCommonOptions } from '../../../cli/options/shared.ts'
import { countersign, createEnvironment } from '../../support/cli.ts'
import { putCommandInto } from '../../support/command-line.ts'
import { documentedCommands } from '../../support/documented-commands.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

/** The whole program; its commands only parse. */
async function createProgram(ran: () => void): Promise<CommandUnknownOpts> {
  const program = new Command('countersign').exitOverride()
  addCommonOptions(program)
  const action = () => () => {
    ran()
    return Promise.resolve()
  }
  for (const { load, isHidden } of Object.values(COMMANDS)) {
    const module = await load()
    if (isHidden !== true)
      program.addCommand(module.createCommand({ ...createEnvironment(), action }))
  }
  for (const command of listCommands(program)) {
    command.exitOverride().configureOutput({ writeErr: () => undefined })
  }
  return program
}

function listCommands(command: CommandUnknownOpts): readonly CommandUnknownOpts[] {
  return [command, ...command.commands.flatMap(listCommands)]
}

function pathOf(command: CommandUnknownOpts): string {
  return command.parent === null ? '' : `${pathOf(command.parent)} ${command.name()}`.trim()
}

test('every command has examples, and every example is shown by its command', async () => {
  const program = await createProgram(() => undefined)
  const leaves = listCommands(program).filter(({ commands }) => commands.length === 0)
  const paths = listCommands(program).map(pathOf)

  const lacking = leaves.map(pathOf).filter((path) => EXAMPLES[path] === undefined)
  const foreign = Object.entries(EXAMPLES).filter(
    ([path, lines]) => !paths.includes(path) || !lines.every((line) => line.startsWith(path)),
  )

  expect(lacking).toEqual([])
  expect(foreign).toEqual([])
})

test.each(['', 'key', 'trust', 'trust init', 'verify'])(
  'help of "%s" ends with examples',
  async (path) => {
    const { stdout } = await countersign(
      [...path.split(' '), '--help'].filter((word) => word !== ''),
    )

    const [, shown = ''] = stdout.split('\nExamples:\n')
    const examples = shown.replaceAll(/\s*\\\n\s*/g, ' ').split('\n')
    expect(examples.map((line) => line.replace('  $ countersign ', ''))).toEqual([
      ...(EXAMPLES[path] ?? ['none']),
      '',
    ])
  },
)

test('examples fit 80 columns, but for a digest', async () => {
  for (const path of Object.keys(EXAMPLES)) {
    const { stdout } = await countersign(
      [...path.split(' '), '--help'].filter((word) => word !== ''),
    )
    const [, shown = ''] = stdout.split('\nExamples:\n')
    for (const line of shown.split('\n'))
      expect(line.replace(/[0-9a-f]{64}/, '').length).toBeLessThan(81)
  }
})

const all = [...new Set(Object.values(EXAMPLES).flat())]

test('every example is parsed', async () => {
  for (const example of all) {
    let count = 0
    const program = await createProgram(() => (count += 1))
    const block = ['```console', `$ countersign ${example}`, '```'].join('\n')
    const [command] = documentedCommands(block)

    await program.parseAsync(command?.words ?? [example], { from: 'user' })

    expect(count, example).toBe(1)
  }
})

/** What needs a service, a registry, a KMS (or the parameters of one), a token or a network. */
const ELSEWHERE =
  /--server|--parameters parameters|--jwks http|--migrate|oci:|awskms:|azurekms:|gcpkms:|openbao:|pkcs11:|accounts\.google|saved-(?:log|audit)|^(serve|trust|conformance|log witness) /

/** Writes what the examples take for granted. */
function createUserFolder(): string {
  const folder = createTempFolder()
  const app = 'an app\n'
  const sha256 = createHash('sha256').update(app).digest('hex')
  const files = {
    'app.tgz': app,
    SHA256SUMS: `${sha256}  app.tgz\n`,
    'sbom.json': '{"bomFormat":"CycloneDX","specVersion":"1.6"}',
    'claims.json': '{"iss":"https://idp.example.com","sub":"alice"}',
    'policies/all.cedar':
      'permit (principal in Issuer::"https://idp.example.com", action in Action::"signing", resource);\n',
    'countersign.yaml': [
      'issuer: https://sign.example.com',
      'keys: { release: { use: artifact, provider: "file:keys/" } }',
      'access: { issuers: [{ issuer: "https://idp.example.com" }], policies: policies/ }',
      '',
    ].join('\n'),
  }
  mkdirSync(join(folder, 'policies'))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  putCommandInto(join(folder, '.bin'))
  return folder
}

test('the examples that need nothing but files do what they say, in their order', () => {
  const folder = createUserFolder()
  const path = [join(folder, '.bin'), process.env['PATH']].join(delimiter)
  const env = {
    ...process.env,
    PATH: path,
    HOME: folder,
    COUNTERSIGN_PASSPHRASE: 'a long passphrase',
  }
  const local = all.filter((example) => !ELSEWHERE.test(example))

  const failed = local.flatMap((example) => {
    const command = `countersign ${example}`
    const run = spawnSync('bash', ['-c', command], { cwd: folder, env, encoding: 'utf8' })
    return run.status === 0 ? [] : [`${command}\n${run.stderr}`]
  })

  expect(local.length).toBeGreaterThan(15)
  expect(failed).toEqual([])
})
