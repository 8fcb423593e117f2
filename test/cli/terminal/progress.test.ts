import { expect, test } from 'vitest'
import { formatBytes, withProgress } from '../../../cli/terminal/progress.ts'
import { type CliWorld, createEnvironment } from '../../support/cli.ts'

const MEBIBYTE = 1024 * 1024

async function* chunksOf(sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const size of sizes) yield await Promise.resolve(new Uint8Array(size))
}

/** Reads four mebibytes, 200 ms each, and answers what was shown. */
async function read(world: CliWorld, total?: number): Promise<string> {
  const environment = createEnvironment(world)
  let now = 0
  const ticking = { ...environment, context: { ...environment.context, now: () => new Date(now) } }
  const chunks = chunksOf([MEBIBYTE, MEBIBYTE, MEBIBYTE, MEBIBYTE])
  for await (const chunk of withProgress(chunks, ticking, { label: 'hashing app', total })) {
    now += chunk.length === MEBIBYTE ? 200 : 0
  }
  environment.terminal.end()
  return environment.said()
}

test('long reading shows how far it has come, and clears the line at its end', async () => {
  expect(await read({ typed: [] }, 4 * MEBIBYTE)).toBe(
    [
      '\r\u001b[Khashing app: 50 % (2.0 MiB of 4.0 MiB)',
      '\r\u001b[Khashing app: 75 % (3.0 MiB of 4.0 MiB)',
      '\r\u001b[Khashing app: 100 % (4.0 MiB of 4.0 MiB)',
      '\r\u001b[K',
    ].join(''),
  )
})

test('without a known total the amount alone is shown', async () => {
  expect(await read({ typed: [] })).toContain('hashing app: 2.0 MiB')
})

test('in a pipeline nothing is shown', async () => {
  expect(await read({}, 4 * MEBIBYTE)).toBe('')
})

test('a cancelled reading ends', async () => {
  const environment = createEnvironment({ signal: AbortSignal.abort() })
  const chunks = withProgress(chunksOf([1]), environment, { label: 'hashing app' })

  await expect(chunks.next()).rejects.toMatchObject({ code: 'ERR_CANCELLED' })
})

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [2 * 1024 ** 3, '2.0 GiB'],
])('%i bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})
