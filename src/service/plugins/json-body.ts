/**
 * Reads JSON bodies: the bytes first, within bounds of their account; then, once the request has a place, with our
 * own strict parser. A member named twice is refused, not guessed.
 *
 * @packageDocumentation
 */
import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { MAX_JSON_VALUES } from '../../formats/json.ts'
import { parseJsonInTurns } from '../../formats/json-in-turns.ts'
import {
  type BodyLimits,
  bodyTooLarge,
  memoryOf,
  readBody,
  type ReceivedBody,
} from '../http/body-reader.ts'
import type { ServiceSettings } from '../context.ts'
import type { QueueLimits } from '../http/fair-queue.ts'
import { MemoryLedger } from '../http/memory-ledger.ts'

type BodySettings = Pick<ServiceSettings, 'bodyTimeoutMs' | 'maxBodyBytes'> &
  Pick<QueueLimits, 'parts'>

/** Enough for a bundle with provenance; a larger one is verified by the command line. */
const OF_OTHERS = { maxBytes: 512 * 1024, maxValues: 50_000 } as const

interface Group {
  readonly limits: BodyLimits
  readonly ledger: MemoryLedger
}

/** The plugin. Bodies of other media types are refused unless a route adds a parser for them. */
export const jsonBodies: FastifyPluginCallback<BodySettings> = fp(
  (app: FastifyInstance, settings: BodySettings, done) => {
    const groups = {
      callers: createGroup(
        settings,
        { maxBytes: settings.maxBodyBytes, maxValues: MAX_JSON_VALUES },
        2,
      ),
      others: createGroup(settings, OF_OTHERS, 4),
    }
    app.decorateRequest('bodySha256', undefined)
    app.decorateRequest('jsonBody', undefined)
    app.decorateRequest('takeMemory')
    app.addHook('preParsing', (request, reply, _payload, done) => {
      if (request.method === 'POST') openAccount(groups[request.account.group], request, reply)
      done()
    })
    app.removeAllContentTypeParsers()
    app.addContentTypeParser(
      'application/json',
      async (request: FastifyRequest, payload: Readable) => {
        // Attacker-controlled from here on.
        const { group } = request.account
        const { bytes, sha256 } = await receive(groups[group].limits, request, payload)
        if (bytes.length === 0) return
        request.bodySha256 = sha256
        request.jsonBody = bytes
      },
    )
    app.addHook('preValidation', async (request) => {
      const { account, jsonBody } = request
      if (jsonBody === undefined) return
      if (request.routeOptions.config.keepsBody !== true) request.jsonBody = undefined
      request.body = await parseJsonInTurns(jsonBody, groups[account.group].limits)
    })
    done()
  },
)

function createGroup(
  { bodyTimeoutMs, maxBodyBytes, parts }: BodySettings,
  bounds: Omit<BodyLimits, 'timeoutMs'>,
  largestBodies: number,
): Group {
  const limits = {
    maxBytes: Math.min(bounds.maxBytes, maxBodyBytes),
    maxValues: bounds.maxValues,
    timeoutMs: bodyTimeoutMs,
  }
  const each = memoryOf(limits)
  return { limits, ledger: new MemoryLedger({ each, all: largestBodies * each, parts }) }
}

/** What a request takes is given back once it is answered: until then its values are in use. */
function openAccount({ ledger }: Group, request: FastifyRequest, { raw }: FastifyReply): void {
  const { account } = request
  let taken = 0
  request.takeMemory = (bytes) => {
    ledger.take(account, bytes)
    taken += bytes
  }
  raw.once('close', () => {
    ledger.give(account, taken)
  })
}

async function receive(
  limits: BodyLimits,
  { headers, takeMemory }: FastifyRequest,
  payload: Readable,
): Promise<ReceivedBody> {
  // What is announced as too large is refused unread.
  if (Number(headers['content-length']) > limits.maxBytes) throw bodyTooLarge(limits.maxBytes)
  return readBody(payload, limits, takeMemory)
}
