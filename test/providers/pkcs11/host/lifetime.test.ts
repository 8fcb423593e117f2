/** Processes of modules: none outlives the one that started it, and none leaves anything behind. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { verifyMessage } from '../../../../src/crypto/verify.ts'
import { serializePkcs11Uri } from '../../../../src/providers/pkcs11/uri.ts'
import { createFaultBench, MESSAGE, untilHung } from '../../../support/fault-module/fault-scene.ts'
import { PROJECT } from '../../../support/project.ts'
import { SOON } from '../../../support/soon.ts'

const bench = await createFaultBench('lifetime')
const { faults } = bench

afterAll(bench.remove)

/** The process that called the module last. */
function moduleProcess(): number {
  return faults.calls().at(-1)?.[0] ?? 0
}

/** Whether a process runs; one that was not waited for yet does not. */
function isRunning(pid: number): boolean {
  const status = `/proc/${pid}/stat`
  if (!existsSync('/proc/self/stat')) return isSignalled(pid)
  return existsSync(status) && !/^\d+ \(.*\) Z /s.test(readFileSync(status, 'utf8'))
}

function isSignalled(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A process that opens the key, and signs whenever it reads a line. */
function startUser(): { readonly kill: () => void; readonly sign: () => void; pid: number } {
  const program = `
    import { createPkcs11Provider } from './src/providers/pkcs11/provider.ts'
    import { parsePkcs11Uri } from './src/providers/pkcs11/uri.ts'
    const provider = createPkcs11Provider({ env: process.env, readPin: async () => process.env.PIN })
    const signer = await provider.open(parsePkcs11Uri(process.env.KEY))
    await signer.sign(new Uint8Array(8))
    process.stdin.on('data', () => void signer.sign(new Uint8Array(8)))
  `
  const key = serializePkcs11Uri(bench.uriFor('key'))
  const user = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: PROJECT,
    stdio: ['pipe', 'ignore', 'inherit'],
    env: { ...process.env, ...faults.env, KEY: key, PIN: bench.token.pin },
  })
  const kill = (): void => {
    user.kill('SIGKILL')
  }
  onTestFinished(kill)
  return { kill, sign: () => user.stdin.write('\n'), pid: user.pid ?? 0 }
}

async function untilSigned(): Promise<void> {
  const signed = (): boolean => faults.calls().some(([, name]) => name === 'C_Sign')
  await expect.poll(signed, SOON).toBe(true)
}

test('the process of a module ends with the one that started it, killed while both are idle', async () => {
  faults.watch()
  const user = startUser()
  await untilSigned()
  const pid = moduleProcess()

  user.kill()

  await expect.poll(() => isRunning(pid), SOON).toBe(false)
})

test.each(['C_SignInit', 'C_Sign'])(
  'the process of a module ends with the one that started it, killed while %s hangs',
  async (call) => {
    faults.watch()
    const user = startUser()
    await untilSigned()
    const pid = moduleProcess()
    faults.set(call, 'hang', 1)
    user.sign()
    await untilHung(bench, call)

    user.kill()

    await expect.poll(() => isRunning(pid), SOON).toBe(false)
  },
)

test('the process of a module ends with its provider', async () => {
  const { openKey, provider } = bench.openProvider()
  faults.watch()
  await openKey()
  const pid = moduleProcess()

  await provider[Symbol.asyncDispose]()

  expect(isRunning(pid)).toBe(false)
  expect(faults.calls().at(-1)?.[1]).toBe('C_Finalize')
})

test('signals for a whole group of processes leave that of a module at work', async () => {
  const { openKey } = bench.openProvider()
  faults.watch()
  const signer = await openKey()
  const pid = moduleProcess()

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal)

  expect(verifyMessage(signer.key, MESSAGE, await signer.sign(MESSAGE))).toBe(true)
  expect(moduleProcess()).toBe(pid)
})

test('processes that died leave no handle behind', async () => {
  const { openKey } = bench.openProvider()
  const signer = await openKey()
  const handles = (): readonly string[] =>
    process.getActiveResourcesInfo().filter((name) => name === 'ProcessWrap' || name === 'PipeWrap')
  const before = handles()

  for (let death = 0; death < 5; death += 1) {
    const pid = moduleProcess()
    process.kill(pid, 'SIGKILL')
    await signer.sign(MESSAGE)
    expect(isRunning(pid)).toBe(false)
  }

  await expect.poll(handles, SOON).toEqual(before)
})

test('a program that has signed ends by itself though its provider was not closed', async () => {
  const program = `
    import { createPkcs11Provider } from './src/providers/pkcs11/provider.ts'
    import { parsePkcs11Uri } from './src/providers/pkcs11/uri.ts'
    const provider = createPkcs11Provider({ env: process.env, readPin: async () => process.env.PIN })
    await (await provider.open(parsePkcs11Uri(process.env.KEY))).sign(new Uint8Array(8))
  `
  const key = serializePkcs11Uri(bench.uriFor('key'))
  const run = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: join(PROJECT),
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...faults.env, KEY: key, PIN: bench.token.pin },
  })
  faults.watch()

  const status = await new Promise((resolve) => run.once('exit', resolve))

  expect(status).toBe(0)
  const pid = moduleProcess()
  await expect.poll(() => isRunning(pid), SOON).toBe(false)
})
