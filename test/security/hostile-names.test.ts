/** Names of files that speak to the terminal, to the runner of GitHub, or to a shell. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ActionResult } from '../../src/testing.ts'
import { createEnvironment, documentOf } from '../support/cli.ts'
import { runAs, startActionScene } from '../support/runner/scene.ts'
import { createSigningFolder } from '../support/signing-folder.ts'

const DIGEST = 'a'.repeat(64)

/** Names that a runner would take for commands, or that begin a line of their own. */
const COMMANDS = [
  '##[error]forged',
  'app ##[add-mask]forged',
  '\u0085::error::forged',
  '\u00a0::add-mask::forged',
  'app\n::error::forged',
  'app\r::error::forged',
  'app\u0085::error::forged',
  'app\u2028::error::forged',
  '#\u00ad#[error]forged',
  '#\u034f#[error]forged',
  ':\u034f:error::forged',
]

/** Whatever ends a line somewhere, or steers what shows it. */
const UNSEEN = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/u

/** Verifies artifacts that nothing is signed of. */
async function verify(
  inputs: Readonly<Record<string, string>>,
  name?: string,
): Promise<ActionResult> {
  const folder = createSigningFolder()
  folder.key('release')
  mkdirSync(folder.path('dist'))
  if (name !== undefined) writeFileSync(join(folder.path('dist'), name), 'content')
  const asked = { mode: 'verify', trust: 'release.pub', 'github-attestations': 'false' }
  return runAs('source', { inputs: { ...asked, ...inputs }, workspace: folder.path('') })
}

/** What a runner that compares as .NET does makes of a log: characters that it ignores are not there. */
function assertNoCommand({ annotations, masks, log, summary }: ActionResult): void {
  expect(masks).toEqual([])
  expect(annotations.map(({ title }) => title)).toEqual(['countersign ERR_SIGNATURE_NOT_FOUND'])
  expect(log + summary).not.toMatch(UNSEEN)
  const compared = log.replaceAll(/[\p{M}\p{Cf}]/gu, '')
  expect(compared.match(/##\[/g)).toBeNull()
  expect(compared.match(/^\s*::.*/gm)).toHaveLength(1)
}

test.each(COMMANDS)('a file name is not a command to the runner: %j', async (name) => {
  assertNoCommand(await verify({ 'subject-path': 'dist' }, name))
})

/** A line of a checksum list has no U+2028, and one with U+0085 is refused. */
const LISTED = COMMANDS.filter((name) => !/[\u2028\u0085]/.test(name))

test.each(LISTED)(
  'a name in a list of checksums is not a command to the runner: %j',
  async (name) => {
    const written = name.replaceAll('\n', '\\n').replaceAll('\r', '\\r')

    assertNoCommand(await verify({ 'subject-checksums': `\\${DIGEST}  ${written}` }))
  },
)

test('names on stdout take one line each, whatever they contain, and one note says so', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  const names = ['a\nforged', 'b\u001b[2J', 'c\u0085\u202e']
  for (const name of names) {
    folder.write(name, name)
    await folder.run(`sign @${name} --key @release.pem`)
  }
  const artifacts = names.map((name) => `@${name}`).join(' ')

  const { exitCode, stdout, stderr } = await folder.run(`verify ${artifacts} --key @release.pub`)
  const json = await folder.run(`verify ${artifacts} --key @release.pub --json`)

  expect(exitCode).toBe(0)
  expect(stdout.split('\n')).toEqual(['@a\\u{a}forged', '@b\\u{1b}[2J', '@c\\u{85}\\u{202e}', ''])
  expect(stderr.match(/control characters/g)).toHaveLength(1)
  expect(json.stdout).not.toMatch(UNSEEN)
  const document = documentOf<{ artifacts: readonly { name: string }[] }>(json)
  expect(document.artifacts.map(({ name }) => name)).toEqual(names.map((name) => `@${name}`))
})

test('an ordinary name is printed unchanged and without a note', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('Schlüssel.tgz', 'a')
  await folder.run('sign @Schlüssel.tgz --key @release.pem')

  const { stdout, stderr } = await folder.run('verify @Schlüssel.tgz --key @release.pub')

  expect(stdout).toBe('@Schlüssel.tgz\n')
  expect(stderr).not.toContain('control characters')
})

/** Names that run something, or type something, where they are pasted without care. */
const PASTED = [
  "x'; echo forged; '",
  '$(echo forged)',
  'a\u0015echo forged\rb',
  'a\necho forged',
  "a\\'; echo forged; '",
  '-exec',
  'oci://evil/x',
]

test('the commands of the job summary are safe to paste, whatever the names contain', async () => {
  const scene = await startActionScene('source')
  const inputs = { mode: 'sign', server: scene.server, key: 'release', 'subject-path': 'app' }
  writeFileSync(join(scene.workspace, 'app'), 'a program')

  for (const name of PASTED) {
    const step = await scene.run({ inputs: { ...inputs, 'subject-name': name } })

    expect(step).toMatchObject({ exitCode: 0, annotations: [] })
    const [, block = ''] = /```sh\n([\s\S]*?)\n```/.exec(step.summary) ?? []
    expect(block).not.toMatch(UNSEEN)
    const echo = 'countersign() { printf "%s\\0" "$@"; }; cosign() { :; }; curl() { :; }'
    const { stdout } = spawnSync('bash', ['-c', `${echo}\n${block}`])
    const [command, artifact] = stdout.toString().split('\0')
    expect(command).toBe('verify')
    expect(artifact).toBe(/^-|:/.test(name) ? `./${name}` : name)
  }
})

test('no name controls the terminal, neither in a message nor while its file is read', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  const name = 'a\u001b]0;title\u0007\u001b[8m\r'
  folder.write(name, name)
  const world = { typed: [], env: { FORCE_COLOR: '1' } }

  const failed = await folder.run(`verify @${name} @missing\u001b[2J --key @release.pub`, world)
  const terminal = createEnvironment(world)
  terminal.terminal.progress(`hashing ${name}`)
  terminal.terminal.say(`read ${name}\u001b[32m`)

  // Colours of our own, and the start of the line that progress is written to.
  const escape = '\u001b\\['
  const own = new RegExp(`${escape}(?:0|1|2|31|32)m|\\r${escape}K`, 'g')
  for (const said of [failed.stderr, terminal.said()]) {
    expect(said).toContain('\\u{1b}')
    expect(said.replaceAll(own, '')).not.toMatch(UNSEEN)
  }
})
