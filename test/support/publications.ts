/** Publications of a service as clients fetch them, from a server on 127.0.0.1 that a test changes. */
import { createServer } from 'node:http'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { toX509Signature } from '../../src/crypto/der.ts'
import { encodePae, serializeEnvelope } from '../../src/formats/dsse.ts'
import {
  KEY_HISTORY_PAYLOAD_TYPE,
  type KeyHistory,
  serializeKeyHistory,
} from '../../src/keys/key-history.ts'
import { createTimes, type PublicationTimes } from '../../src/keys/publication-times.ts'
import type { Signer } from '../../src/signing/signer.ts'

/** What is published now, and how often it was asked for. */
export interface PublicationServer {
  readonly url: URL
  /** Bodies by path; without one the answer is 404. */
  readonly pages: Map<string, Uint8Array | string>
  cacheControl: string | undefined
  /** Answers every request with this status while it is set. */
  failure: number | undefined
  /** Status of every answer so far. */
  readonly answers: number[]
}

/** Starts a server that answers with strong ETags and 304. */
export async function startPublications(): Promise<PublicationServer> {
  const server = createServer((request, response) => {
    const body = published.pages.get(request.url ?? '')
    const etag = `"${Buffer.from(body ?? '')
      .toString('base64url')
      .slice(-40)}"`
    const isSame = request.headers['if-none-match'] === etag
    const status = published.failure ?? (body === undefined ? 404 : isSame ? 304 : 200)
    published.answers.push(status)
    const { cacheControl } = published
    response.writeHead(status, {
      etag,
      'content-type': 'application/json',
      ...(cacheControl !== undefined && { 'cache-control': cacheControl }),
    })
    response.end(status === 200 ? body : undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  const published: PublicationServer = {
    url: new URL(`http://127.0.0.1:${port}`),
    pages: new Map(),
    cacheControl: 'public, max-age=300',
    failure: undefined,
    answers: [],
  }
  return published
}

/** The usual times of a publication: a day, and 30 days offline. */
export function timesFrom(issuedAt: Date): PublicationTimes {
  return createTimes(issuedAt, { expiresSeconds: 86_400, offlineSeconds: 30 * 86_400 })
}

/** A key history in its envelope, signed by a version of the trust key; now, unless it has other times. */
export async function signHistory(history: KeyHistory, signer: Signer): Promise<Uint8Array> {
  const payload = serializeKeyHistory({ times: timesFrom(new Date()), ...history })
  const signature = await signer.sign(encodePae(KEY_HISTORY_PAYLOAD_TYPE, payload))
  const sig = toX509Signature(signer.key.algorithm, signature)
  const signatures = [{ keyid: '', sig }]
  return serializeEnvelope({ payloadType: KEY_HISTORY_PAYLOAD_TYPE, payload, signatures })
}
