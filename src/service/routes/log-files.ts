/**
 * A log over HTTP: checkpoint and tiles as C2SP tlog-tiles has them, and the entries as JSON for people and
 * scripts. The routes of both logs are made of these.
 *
 * @packageDocumentation
 */
import type { FastifyRequest } from 'fastify'
import * as Type from 'typebox'
import { CountersignError } from '../../errors.ts'
import { type JsonValue, parseJson } from '../../formats/json.ts'
import { findLeaves, type LeafQuery } from '../../log/find-leaves.ts'
import type { LogReader } from '../../log/log-records.ts'
import { CHECKPOINT_PATH, parseTilePath, WITNESSED_PATH } from '../../log/paths.ts'
import { openStoredLog } from '../../log/source.ts'
import { cacheControlOf } from '../../log/tile-writer.ts'
import type { ServiceApp } from '../http/service-app.ts'
import { pageOf } from '../schemas/page.ts'

/** A log that is served, and to whom. */
export interface ServedLog {
  /** Where, with a slash at both ends. */
  readonly prefix: '/log/' | '/audit/'
  readonly operationIds: {
    readonly checkpoint: string
    readonly witnessed: string
    readonly tile: string
    readonly entries: string
  }
  /** What it is called in descriptions: `the transparency log`. */
  readonly name: string
  readonly log: () => LogReader
  /** What finds entries: `state:, leaf:`. */
  readonly labels: string
  /** Labels of a leaf of this log. */
  readonly labelsOf: (data: Uint8Array) => readonly string[]
  readonly config: { readonly auth?: 'none'; readonly isCostly?: boolean }
  /** Whether caches may keep it: what never changes for long. */
  readonly isPublic: boolean
  /** Lets a request pass, or refuses it. */
  readonly permit: (request: FastifyRequest) => Promise<void>
}

const PAGE = 100
const MAX_PAGE = 256

const index = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const page = Type.Object(
  {
    size: Type.Integer({ description: 'Entries of the log.' }),
    entries: Type.Array(
      Type.Object({
        index: Type.Integer(),
        entry: Type.Unknown({
          description: 'The very members that are hashed; docs/design/log.md.',
        }),
      }),
    ),
  },
  { title: 'LogEntries' },
)

const queryOf = (labels: string) =>
  Type.Object({
    start: Type.Optional(index),
    end: Type.Optional(index),
    label: Type.Optional(
      Type.String({
        maxLength: 512,
        // PostgreSQL has no text with a NUL in it.
        pattern: '^[^\\u0000-\\u001f]+$',
        description: `${labels} and its value`,
      }),
    ),
    before: Type.Optional(index),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE })),
  })

/** Registers checkpoint, tiles and entries of a log. */
export function logFileRoutes(app: ServiceApp, served: ServedLog): void {
  const { name, operationIds } = served
  checkpointRoute(app, served, {
    path: CHECKPOINT_PATH,
    operationId: operationIds.checkpoint,
    summary: `Get the newest signed checkpoint of ${name}.`,
    missing: `${name} has no checkpoint yet`,
  })
  checkpointRoute(app, served, {
    path: WITNESSED_PATH,
    operationId: operationIds.witnessed,
    summary: `Get the newest checkpoint of ${name} that enough of its witnesses cosigned.`,
    missing: `no checkpoint of ${name} is cosigned by enough witnesses`,
  })
  tileRoute(app, served)
  entriesRoute(app, served)
}

/** One of the checkpoints of a log. */
interface ServedCheckpoint {
  readonly path: string
  readonly operationId: string
  readonly summary: string
  readonly missing: string
}

function checkpointRoute(
  app: ServiceApp,
  { config, isPublic, log, permit, prefix }: ServedLog,
  { path, operationId, summary, missing }: ServedCheckpoint,
): void {
  app.get(
    `${prefix}${path}`,
    {
      config,
      schema: {
        operationId,
        summary,
        tags: ['log'],
        response: { 200: pageOf('text/plain', 'A signed note.') },
      },
    },
    async (request, reply) => {
      await permit(request)
      const note = await openStoredLog(log()).read(path)
      if (note === undefined) throw nothing(missing, prefix)
      reply.type('text/plain; charset=utf-8')
      reply.header('cache-control', isPublic ? 'public, max-age=1' : 'no-store')
      return reply.send(Buffer.from(note))
    },
  )
}

function tileRoute(app: ServiceApp, served: ServedLog): void {
  const { config, isPublic, name, operationIds, permit, prefix } = served
  app.get(
    `${prefix}tile/*`,
    {
      config,
      schema: {
        operationId: operationIds.tile,
        summary: `Get a tile of hashes (\`L/N\`) or a bundle of entries (\`entries/N\`) of ${name}.`,
        description: 'C2SP tlog-tiles; a tile that is not full is `N.p/WIDTH`.',
        tags: ['log'],
        params: Type.Object({ '*': Type.String({ description: '`L/N` or `entries/N`.' }) }),
        response: { 200: pageOf('application/octet-stream', 'Hashes, or entries.') },
      },
    },
    async (request, reply) => {
      await permit(request)
      // As it was sent: an encoded path would be a second name of one tile.
      const path = request.url.slice(prefix.length)
      const bytes = await openStoredLog(served.log()).read(path)
      if (bytes === undefined) throw nothing(`${name} has no such tile`, prefix)
      reply.header('cache-control', cacheControlOf(parseTilePath(path)?.width ?? 0, isPublic))
      reply.type('application/octet-stream')
      return reply.send(Buffer.from(bytes))
    },
  )
}

function entriesRoute(app: ServiceApp, served: ServedLog): void {
  const { config, name, operationIds, permit, prefix } = served
  app.get(
    `${prefix}entries`,
    {
      config,
      schema: {
        operationId: operationIds.entries,
        summary: `List entries of ${name}: by place (\`start\`, \`end\`), or the newest with a label.`,
        tags: ['log'],
        querystring: queryOf(served.labels),
        response: { 200: page },
      },
    },
    async (request, reply) => {
      await permit(request)
      reply.header('cache-control', 'no-store')
      const { label, start, end } = request.query
      if (label !== undefined && (start !== undefined || end !== undefined)) {
        throw new CountersignError('ERR_REQUEST_INVALID', 'label goes without start and end', {
          hint: 'page through entries with a label by before and limit',
        })
      }
      const log = served.log()
      const { size } = await log.head()
      const entries =
        label === undefined
          ? await listByPlace(log, start ?? 0, end)
          : await listByLabel(log, { ...request.query, label, labelsOf: served.labelsOf })
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
  { limit = PAGE, ...query }: LeafQuery & { readonly limit?: number },
): Promise<Listed[]> {
  const listed: Listed[] = []
  for await (const { index, data } of findLeaves(log, query)) {
    listed.push({ index, entry: parseJson(data) })
    if (listed.length >= limit) break
  }
  return listed
}

function nothing(message: string, prefix: string): CountersignError {
  return new CountersignError('ERR_ROUTE_NOT_FOUND', message, {
    hint: `read ${prefix}checkpoint first: its size says which tiles there are`,
  })
}
