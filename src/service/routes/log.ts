/**
 * `/log/`: the transparency log, for anybody. Checkpoint and tiles as C2SP tlog-tiles has them, and the
 * entries as JSON for people and scripts.
 *
 * @packageDocumentation
 */
import * as Type from 'typebox'
import { CountersignError } from '../../errors.ts'
import { type JsonValue, parseJson } from '../../formats/json.ts'
import type { LogReader } from '../../log/log-records.ts'
import { CHECKPOINT_PATH, parseTilePath } from '../../log/paths.ts'
import { openStoredLog } from '../../log/source.ts'
import { TILE_WIDTH } from '../../log/tiles.ts'
import type { ServiceApp } from '../service-app.ts'
import type { ServiceContext } from '../context.ts'
import { pageOf } from '../schemas/page.ts'

const LOG_PREFIX = '/log/'
const TAGS = ['log']
const PUBLIC = { auth: 'none', isCostly: true } as const
/** What is in a full tile never changes, so it may be kept for ever. */
const FOR_EVER = 'public, max-age=31536000, immutable'
/** Nor does a partial one, but the next is asked for soon. */
const FOR_A_WHILE = 'public, max-age=3600'
const PAGE = 100
const MAX_PAGE = 256

const index = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const query = Type.Object({
  start: Type.Optional(index),
  end: Type.Optional(index),
  label: Type.Optional(
    Type.String({
      maxLength: 512,
      // PostgreSQL has no text with a NUL in it.
      pattern: '^[^\\u0000-\\u001f]+$',
      description:
        'type:, key:, kid:, state:, digest:, bundle:, jti:, serial: or approval: and its value',
    }),
  ),
  before: Type.Optional(index),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE })),
})
const page = Type.Object({
  size: Type.Integer({ description: 'Entries of the log.' }),
  entries: Type.Array(
    Type.Object({
      index: Type.Integer(),
      entry: Type.Unknown({ description: 'The very members that are hashed; docs/design/log.md.' }),
    }),
  ),
})

/** Registers the routes. */
export function logRoutes(app: ServiceApp, context: Pick<ServiceContext, 'store'>): void {
  tileRoutes(app, context)
  entryRoutes(app, context)
}

function tileRoutes(app: ServiceApp, context: Pick<ServiceContext, 'store'>): void {
  const read = (path: string): Promise<Uint8Array | undefined> =>
    openStoredLog(context.store.log).read(path)
  app.get(
    '/log/checkpoint',
    {
      config: PUBLIC,
      schema: {
        operationId: 'getCheckpoint',
        summary: 'Get the newest signed checkpoint of the log.',
        tags: TAGS,
        response: { 200: pageOf('text/plain', 'A signed note.') },
      },
    },
    async (_request, reply) => {
      const note = await read(CHECKPOINT_PATH)
      if (note === undefined) throw nothing('the log has no checkpoint yet')
      reply.type('text/plain; charset=utf-8').header('cache-control', 'public, max-age=1')
      return reply.send(Buffer.from(note))
    },
  )
  app.get(
    '/log/tile/*',
    {
      config: PUBLIC,
      schema: {
        operationId: 'getTile',
        summary: 'Get a tile of hashes (`L/N`) or a bundle of entries (`entries/N`).',
        description: 'C2SP tlog-tiles; a tile that is not full is `N.p/WIDTH`.',
        tags: TAGS,
        params: Type.Object({ '*': Type.String({ description: '`L/N` or `entries/N`.' }) }),
        response: { 200: pageOf('application/octet-stream', 'Hashes, or entries.') },
      },
    },
    async (request, reply) => {
      // As it was sent: an encoded path would be a second name of one tile.
      const path = request.url.slice(LOG_PREFIX.length)
      const bytes = await read(path)
      if (bytes === undefined) throw nothing('the log has no such tile')
      const isFull = parseTilePath(path)?.width === TILE_WIDTH
      reply.type('application/octet-stream')
      reply.header('cache-control', isFull ? FOR_EVER : FOR_A_WHILE)
      return reply.send(Buffer.from(bytes))
    },
  )
}

function entryRoutes(app: ServiceApp, context: Pick<ServiceContext, 'store'>): void {
  app.get(
    '/log/entries',
    {
      config: PUBLIC,
      schema: {
        operationId: 'listEntries',
        summary: 'List entries: by place (`start`, `end`), or the newest with a label.',
        tags: TAGS,
        querystring: query,
        response: { 200: page },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const { label, start, end } = request.query
      const isByPlace = start !== undefined || end !== undefined
      if (label !== undefined && isByPlace) {
        throw new CountersignError('ERR_REQUEST_INVALID', 'label goes without start and end', {
          hint: 'page through entries with a label by before and limit',
        })
      }
      const { log } = context.store
      const { size } = await log.head()
      const entries =
        label === undefined
          ? await listByPlace(log, start ?? 0, end)
          : await listByLabel(log, label, request.query)
      return { size, entries }
    },
  )
}

interface Listed {
  readonly index: number
  readonly entry: JsonValue
}

async function listByPlace(log: LogReader, start: number, end = start + PAGE): Promise<Listed[]> {
  const entries = await log.entries(start, Math.min(end, start + MAX_PAGE))
  return entries.map((data, place) => ({ index: start + place, entry: parseJson(data) }))
}

async function listByLabel(
  log: LogReader,
  label: string,
  { before, limit = PAGE }: { readonly before?: number; readonly limit?: number },
): Promise<Listed[]> {
  const indices = await log.find(label, { limit, ...(before !== undefined && { before }) })
  const listed: Listed[] = []
  for (const at of indices) listed.push(...(await listByPlace(log, at, at + 1)))
  return listed
}

function nothing(message: string): CountersignError {
  return new CountersignError('ERR_ROUTE_NOT_FOUND', message, {
    hint: 'read /log/checkpoint first: its size says which tiles there are',
  })
}
