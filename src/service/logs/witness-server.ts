/** A witness over HTTP (C2SP tlog-witness): `add-checkpoint`, and the newest checkpoint of each log. */
import { createHash } from 'node:crypto'
import { fastify, type FastifyInstance, type FastifyReply } from 'fastify'
import { type CountersignError, toCountersignError } from '../../errors.ts'
import { MAX_ADD_CHECKPOINT_BYTES } from '../../formats/add-checkpoint.ts'
import type { Witness, WitnessAnswer } from '../../log/witness.ts'
import { closeInTime, listen } from '../http/listening.ts'

/** How a witness is served. */
export interface WitnessServerOptions {
  readonly witness: Witness
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  /** Told why a request was not answered as the protocol says. */
  readonly onError: (error: CountersignError) => void
}

/** A witness that answers. Disposing it finishes what runs. */
export interface RunningWitness extends AsyncDisposable {
  /** Its submission and its monitoring prefix. */
  readonly address: string
}

const TIMEOUT_MS = 10_000
const CHECKING_MS = 1000
const DRAIN_MS = 10000
const TEXT = 'text/plain; charset=utf-8'

/**
 * Serves a witness.
 *
 * @throws {@link CountersignError} ERR_NETWORK — the address is taken
 */
export async function startWitness(options: WitnessServerOptions): Promise<RunningWitness> {
  const { host, port, witness } = options
  const limits = { requestTimeout: TIMEOUT_MS, headersTimeout: TIMEOUT_MS }
  const app = fastify({
    http: { ...limits, connectionsCheckingInterval: CHECKING_MS },
    requestTimeout: TIMEOUT_MS,
    bodyLimit: MAX_ADD_CHECKPOINT_BYTES,
    forceCloseConnections: 'idle',
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body)
  })
  registerErrors(app, options)
  app.post('/add-checkpoint', async ({ body }, reply) => {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0)
    return sendAnswer(reply, await witness.addCheckpoint(bytes))
  })
  for (const origin of witness.origins) {
    const path = createHash('sha256').update(origin).digest('hex')
    app.get(`/${path}/checkpoint`, async (_request, reply) => {
      const note = await witness.newest(origin)
      reply.type(TEXT).header('cache-control', 'no-store')
      return note === undefined
        ? reply.status(404).send('nothing cosigned yet\n')
        : reply.send(note)
    })
  }
  const address = await listen(app, { host, port, tls: undefined })
  return {
    address,
    [Symbol.asyncDispose]: () => closeInTime(app, DRAIN_MS),
  }
}

function sendAnswer(reply: FastifyReply, answer: WitnessAnswer): FastifyReply {
  reply.status(answer.status).header('cache-control', 'no-store')
  if ('lines' in answer) return reply.type(TEXT).send(answer.lines)
  if ('size' in answer) return reply.type('text/x.tlog.size').send(`${answer.size}\n`)
  return reply.type(TEXT).send(`${answer.reason}\n`)
}

/** What fails inside says nothing outside. */
function registerErrors(app: FastifyInstance, { onError }: WitnessServerOptions): void {
  app.setNotFoundHandler((_request, reply) => reply.status(404).type(TEXT).send('not found\n'))
  app.setErrorHandler((error: unknown, _request, reply) => {
    const status = statusOf(error)
    if (status >= 500) onError(toCountersignError(error))
    const text = status >= 500 ? 'the witness cannot cosign now' : 'malformed request'
    return reply.status(status).type(TEXT).send(`${text}\n`)
  })
}

function statusOf(error: unknown): number {
  const isOfFastify = error instanceof Error && 'statusCode' in error
  return isOfFastify && typeof error.statusCode === 'number' ? error.statusCode : 500
}
