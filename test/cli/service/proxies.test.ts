import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readInstanceRoot } from '../../../cli/trust/sigstore-instance.ts'
import { runCli } from '../../support/command-line.ts'
import { type ForwardProxyOptions, startForwardProxy } from '../../support/forward-proxy.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

const AWS = {
  AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'x',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_MAX_ATTEMPTS: '1',
}

/** Runs a command in a network whose only way out is a proxy. */
async function runBehind(args: readonly string[], options: ForwardProxyOptions = {}, noProxy = '') {
  const proxy = await startForwardProxy(options)
  const folder = createTempFolder()
  writeFileSync(join(folder, 'app.txt'), 'app')
  const proxies = { HTTPS_PROXY: `http://me:secret@${proxy.url.host}`, NO_PROXY: noProxy }
  const env = { ...AWS, ...proxies, https_proxy: '', no_proxy: '', COUNTERSIGN_HOME: folder }
  return { ...(await runCli(args, { folder, env })), requests: proxy.requests, proxy }
}

const SIGN = ['sign', '--key', 'awskms:///alias/release?region=eu-west-1', 'app.txt']
const DISCOVER = ['discover', 'oci://registry.example.com/app:1']
const SERVER = ['key', 'list', '--server', 'https://sign.example.com']
const PIN = [
  'trust',
  'init',
  'https://sign.example.com',
  '--fingerprint',
  `sha256:${'0'.repeat(64)}`,
]

test.each([
  ['AWS KMS', SIGN, 'kms.eu-west-1.amazonaws.com:443'],
  ['a registry', DISCOVER, 'registry.example.com:443'],
  ['a service', SERVER, 'sign.example.com:443'],
  ['what a service publishes', PIN, 'sign.example.com:443'],
])('%s is reached through HTTPS_PROXY; a refusal names it and no login', async (_, args, host) => {
  const token = ['--token-file', 'app.txt']
  const ran = await runBehind(args === SERVER ? [...args, ...token] : args, { refusal: 407 })

  expect(ran.requests).toContain(`CONNECT ${host}`)
  expect(ran.exitCode).toBe(7)
  expect(ran.stderr).toContain(ran.proxy.url.host)
  expect(ran.stderr).toContain('USER:PASSWORD')
  expect(ran.stdout + ran.stderr).not.toContain('secret')
})

test('hosts in NO_PROXY are reached directly', async () => {
  const kms = ['sign', '--key', 'awskms://127.0.0.1:1/alias/release?region=eu-west-1', 'app.txt']

  const direct = await runBehind(kms)
  const excepted = await runBehind(['discover', 'oci://registry.invalid/app:1'], {}, '.invalid')

  expect([...direct.requests, ...excepted.requests]).toEqual([])
  expect([direct.exitCode, excepted.exitCode]).toEqual([7, 7])
})

test('a malformed proxy is refused by the name of its variable', async () => {
  const env = {
    HTTPS_PROXY: 'socks5://me:secret@proxy:1080',
    https_proxy: '',
    NO_PROXY: '',
    no_proxy: '',
  }

  const { exitCode, stderr } = await runCli(DISCOVER, { folder: createTempFolder(), env })

  expect(exitCode).toBe(2)
  expect(stderr).toContain('HTTPS_PROXY is not the address of an http proxy')
  expect(stderr).not.toContain('secret')
})

test('the root of the public Sigstore instance is fetched through the proxy', async () => {
  const proxy = await startForwardProxy({ refusal: 403 })
  const env = {
    HTTPS_PROXY: `http://me:secret@${proxy.url.host}`,
    XDG_CACHE_HOME: createTempFolder(),
  }

  await expect(readInstanceRoot({}, { env, now: () => new Date() })).rejects.toMatchObject({
    code: 'ERR_NETWORK',
    message: expect.stringContaining(`through the proxy http://${proxy.url.host} `) as string,
  })

  expect(new Set(proxy.requests)).toEqual(new Set(['CONNECT tuf-repo-cdn.sigstore.dev:443']))
})
