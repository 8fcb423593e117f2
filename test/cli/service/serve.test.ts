import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { digestOf } from '../../../src/crypto/digest.ts'
import { countersign } from '../../support/cli.ts'
import { CLI } from '../../support/command-line.ts'
import { serverFolder, TOKEN } from '../../support/server.ts'

/** A running `countersign serve`. */
interface ServeProcess {
  readonly address: string
  /** Everything on stderr so far. */
  readonly said: () => string
  /** Sends SIGTERM and waits for the exit status. */
  readonly stop: () => Promise<number | null>
}

async function serve(config: string, env: Readonly<Record<string, string>>): Promise<ServeProcess> {
  const child = spawn(process.execPath, [CLI, 'serve', '--config', config], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  let said = ''
  const listening = Promise.withResolvers<string>()
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
    const address = /^listening on (\S+)$/m.exec(said)?.[1]
    if (address !== undefined && said.includes('warning:')) listening.resolve(address)
  })
  void exited.then(() => {
    listening.reject(new Error(said))
  })
  return {
    address: await listening.promise,
    said: () => said,
    stop: async () => {
      child.kill('SIGTERM')
      await exited
      return child.exitCode
    },
  }
}

test('serve prints its address and its keys, signs, and stops on a signal', async () => {
  const { config, env } = serverFolder()
  const { address, said, stop } = await serve(config, env)
  const answer = await fetch(`${address}/v1/keys/release/signatures`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ artifacts: [{ digest: digestOf(Buffer.from('x')), kind: 'file' }] }),
  })

  const status = await stop()

  expect(answer.status).toBe(200)
  expect(status).toBe(0)
  expect(said()).toContain('\nissuer https://sign.example.com\nkeys:\n')
  expect(said()).toMatch(/^ {2}release {2}artifact {2}ES256 {2}version 1 active$/m)
  expect(said()).toMatch(
    /^ {2}trust {2}trust {2}ES256 {2}version 1 active {2}sha256:[0-9a-f]{64}$/m,
  )
  expect(said()).toMatch(
    /^ {2}log {2}log {2}EdDSA {2}version 1 active {2}sign\.example\.com\+[0-9a-f]{8}\+\S+$/m,
  )
  expect(said()).toMatch(
    /^ {2}audit {2}audit {2}EdDSA {2}version 1 active {2}sign\.example\.com\/audit\+[0-9a-f]{8}\+\S+$/m,
  )
  expect(said()).toMatch(/^warning: static tokens are accepted/m)
  expect(said()).toContain('stopping: what runs is finished first')
})

test('serve without an issuer that others could use fails with exit status 2', async () => {
  const result = await countersign(['serve', '--listen', '0.0.0.0:0'])

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain('the service has no issuer [ERR_CONFIG_INVALID]')
})

test('serve refuses a malformed address and names the option', async () => {
  const result = await countersign(['serve', '--listen', 'localhost'])

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain('--listen')
})

test.each([
  [
    'the configuration',
    (folder: string) => {
      writeFileSync(join(folder, 'countersign.yaml'), 'issuer: https://a.example\nkeyz: {}\n')
    },
    /countersign\.yaml:2:1: keyz: unknown setting "keyz".*\[ERR_CONFIG_INVALID\]/s,
  ],
  [
    'a policy',
    (folder: string) => {
      writeFileSync(
        join(folder, 'policies', 'all.cedar'),
        '// all\npermit(principal, action, rsrc);\n',
      )
    },
    /all\.cedar:2:\d+: .*\[ERR_POLICY_INVALID\]/s,
  ],
])('a mistake in %s ends serve at its start, with file and line', async (_what, spoil, said) => {
  const { folder, config, env } = serverFolder()
  spoil(folder)

  const result = await countersign(['serve', '--config', config], { env })

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toMatch(said)
})
