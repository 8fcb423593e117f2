/** A named pipe, a device or a socket where a file is meant: each would keep a reader waiting for ever. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { CLI } from '../support/command-line.ts'
import { runAs } from '../support/runner/scene.ts'
import { createSigningFolder, type SigningFolder } from '../support/signing-folder.ts'

/** A folder with a signed file, and in it a pipe, links to devices, and a socket. */
async function createFolder(): Promise<SigningFolder> {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('app', 'a program')
  await folder.run('sign @app --key @release.pem')
  execFileSync('mkfifo', [folder.path('fifo')])
  symlinkSync('/dev/zero', folder.path('device'))
  symlinkSync(folder.path('fifo'), folder.path('link'))
  const server = createServer()
  server.listen(folder.path('socket'))
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return folder
}

/** Starts the command line as a process of its own. */
function start(args: readonly string[], stdin: 'ignore' | 'pipe' = 'ignore'): ChildProcess {
  const child = spawn(process.execPath, [CLI, ...args], {
    stdio: [stdin, 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

async function endOf(child: ChildProcess): Promise<{ status: number | null; said: string }> {
  const [said, [status]] = await Promise.all([
    child.stderr === null ? '' : text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { status, said }
}

const PLACES = [
  'sign @X --key @release.pem',
  'sign @app --key @X',
  'attest @app --key @release.pem --type custom --predicate @X',
  'verify @X --key @release.pub',
  'verify @app --key @X',
  'verify @app --key @release.pub --bundle @X',
  'verify --checksums @X --key @release.pub',
  'verify @app --trust @X',
  'verify @app --key @release.pub --trusted-root @X',
  'sign @app --key named --config @X',
  'token verify --token-file @X --key @release.pub --audience a --issuer https://i.example',
  'policy check @X',
]

test.each(PLACES)('%s ends at once if X is not a file', async (line) => {
  const folder = await createFolder()

  for (const name of ['fifo', 'device', 'socket', 'link']) {
    const { exitCode, stdout, stderr } = await folder.run(line.replace('X', name))
    expect(exitCode).not.toBe(0)
    expect(stdout + stderr).toMatch(/ERR_FILE_READ|ERR_CONFIG_INVALID|ERR_KEY/)
  }
})

test.each(['subject-path', 'bundle', 'subject-checksums', 'trust'])(
  'the input %s of the Action takes no pipe',
  async (input) => {
    const folder = await createFolder()
    const usual = { mode: 'verify', trust: 'release.pub', 'github-attestations': 'false' }
    const subject = input === 'subject-checksums' ? {} : { 'subject-path': 'app' }
    const inputs = { ...usual, ...subject, [input]: 'fifo' }

    const step = await runAs('source', { inputs, workspace: folder.path('') })

    expect(step.exitCode).not.toBe(0)
    expect(step.annotations[0]?.title).toMatch(/ERR_FILE_READ|ERR_ARTIFACT_NOT_FOUND/)
  },
)

test('inputs of a shell are read: /dev/stdin, a process substitution, and -', async () => {
  const folder = await createFolder()
  const verify = `${process.execPath} ${CLI} verify --key ${folder.path('release.pub')}`
  const bundle = `--bundle ${folder.path('app.sigstore.json')}`
  const app = folder.path('app')

  for (const line of [
    `cat ${app} | ${verify} /dev/stdin ${bundle}`,
    `cat ${app} | ${verify} - ${bundle}`,
    `${verify} <(cat ${app}) ${bundle}`,
    `${verify} /dev/stdin ${bundle} < ${app}`,
    `${verify} ${app} --bundle <(cat ${folder.path('app.sigstore.json')})`,
  ]) {
    const child = spawn('bash', ['-c', line])
    const { status, said } = await endOf(child)
    expect(said).toContain('PASSED')
    expect(status).toBe(0)
  }
})

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s ends a command that waits for input that never comes',
  async (signal) => {
    const folder = await createFolder()
    const bundle = ['--bundle', folder.path('app.sigstore.json')]
    const key = ['--key', folder.path('release.pub')]

    for (const artifact of ['-', '/dev/stdin']) {
      const child = start(['verify', artifact, ...bundle, ...key], 'pipe')
      await once(child.stderr ?? child, 'data')
      child.kill(signal)
      const [code, ended] = (await once(child, 'exit')) as [number | null, string | null]
      expect(code ?? ended).not.toBe(0)
    }
  },
)
