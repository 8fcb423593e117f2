import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { assertWitnessed } from '../../../src/formats/witnesses.ts'
import { createSignedLog, LOG_KEY, LOG_ORIGIN, signatureEntries } from '../../support/signed-log.ts'
import { askFor, startTestWitness } from '../../support/witness.ts'

const HASH = createHash('sha256').update(LOG_ORIGIN).digest('hex')

async function post(url: string, body: Uint8Array): Promise<Response> {
  return fetch(`${url}/add-checkpoint`, { method: 'POST', body: Buffer.from(body) })
}

test('a witness answers as the protocol says, and serves what it cosigned', async () => {
  const { log } = await createSignedLog(signatureEntries(5))
  const checkpoint = (await log.checkpoint()) ?? { size: 0, note: '' }
  const { url, key } = await startTestWitness({ logs: [LOG_KEY] })
  const monitor = (): Promise<Response> => fetch(`${url}/${HASH}/checkpoint`)

  expect((await monitor()).status).toBe(404)
  const answer = await post(url, await askFor(log, checkpoint, 0))
  expect(answer.status).toBe(200)
  const demand = { keys: [key], count: 1 }
  const cosigned = Buffer.from(`${checkpoint.note}${await answer.text()}`)
  expect(assertWitnessed(cosigned, demand)).toHaveLength(1)

  const again = await post(url, await askFor(log, checkpoint, 0))
  expect(again.status).toBe(409)
  expect(again.headers.get('content-type')).toBe('text/x.tlog.size')
  expect(await again.text()).toBe('5\n')

  const served = await monitor()
  expect(served.status).toBe(200)
  expect(assertWitnessed(new Uint8Array(await served.arrayBuffer()), demand)).toHaveLength(1)
})

test('malformed, long and foreign requests are refused', async () => {
  const { url } = await startTestWitness({ logs: [LOG_KEY] })

  expect((await post(url, Buffer.from('old 0\n\nnote'))).status).toBe(400)
  expect((await post(url, Buffer.alloc(0))).status).toBe(400)
  expect((await post(url, Buffer.alloc(1024 * 1024))).status).toBe(413)
  expect((await fetch(`${url}/add-checkpoint`)).status).toBe(404)
  expect((await fetch(`${url}/${'0'.repeat(64)}/checkpoint`)).status).toBe(404)
})
