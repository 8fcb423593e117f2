import { expect, test } from 'vitest'
import { createWitnessClient } from '../../src/client/witness-client.ts'
import { witnessVerifierKey } from '../../src/formats/note-key.ts'
import { codeOf, codeOfAsync } from '../support/errors.ts'
import { type LoopbackAnswer, startLoopbackServer } from '../support/loopback-server.ts'
import { createSignedLog, LOG_KEY, signatureEntries } from '../support/signed-log.ts'
import { testSigner } from '../support/signers.ts'
import { startTestWitness } from '../support/witness.ts'

const runtime = { fetch, deadline: (milliseconds: number) => AbortSignal.timeout(milliseconds) }
const KEY = witnessVerifierKey('witness.example/1', testSigner('EdDSA', 'witness.example/1').key)

async function requestOf(entries = 5) {
  const { log } = await createSignedLog(signatureEntries(entries))
  const { note = '' } = (await log.checkpoint()) ?? {}
  return { oldSize: 0, proof: [], note: Buffer.from(note) }
}

async function ask(answer: LoopbackAnswer) {
  const { url } = await startLoopbackServer(() => answer)
  const client = createWitnessClient({ key: KEY, url: new URL(url), runtime })
  return client.addCheckpoint(await requestOf())
}

test('a witness cosigns, or answers what it cosigned last', async () => {
  const { url } = await startTestWitness({ logs: [LOG_KEY] })
  const client = createWitnessClient({ key: KEY, url: new URL(url), runtime })
  const request = await requestOf()

  expect(await client.addCheckpoint(request)).toMatchObject({ kind: 'cosigned' })
  expect(await client.addCheckpoint(request)).toStrictEqual({ kind: 'conflict', size: 5 })
})

test('only a cosignature of its key over that checkpoint counts', async () => {
  const { url } = await startTestWitness({ name: 'other.example', logs: [LOG_KEY] })
  const client = createWitnessClient({ key: KEY, url: new URL(url), runtime })

  expect(await codeOfAsync(async () => client.addCheckpoint(await requestOf()))).toBe(
    'ERR_WITNESS_MISSING',
  )
})

test.each<[string, LoopbackAnswer, string]>([
  ['nothing', { status: 200, body: '' }, 'ERR_WITNESS_MISSING'],
  ['no signature lines', { status: 200, body: 'a text\n' }, 'ERR_WITNESS_MISSING'],
  ['a size of no type', { status: 409, body: '5\n' }, 'ERR_WITNESS_MISSING'],
  [
    'a malformed size',
    { status: 409, body: '-5\n', contentType: 'text/x.tlog.size' },
    'ERR_WITNESS_MISSING',
  ],
  [
    'the size that it was told, of another tree',
    { status: 409, body: '0\n', contentType: 'text/x.tlog.size' },
    'ERR_WITNESS_MISSING',
  ],
  ['a refusal', { status: 422, body: '' }, 'ERR_WITNESS_MISSING'],
  [
    'a redirect',
    { status: 307, headers: { location: 'http://127.0.0.1:1/' } },
    'ERR_WITNESS_MISSING',
  ],
  ['too much', { status: 200, body: 'a'.repeat(40_000) }, 'ERR_NETWORK'],
])('an answer of %s is an error', async (_what, answer, code) => {
  expect(await codeOfAsync(() => ask(answer))).toBe(code)
})

test('a witness is reached by https, or on this machine', () => {
  const url = new URL('http://witness.example')

  expect(codeOf(() => createWitnessClient({ key: KEY, url, runtime }))).toBe('ERR_USAGE')
})
