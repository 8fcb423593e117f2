/**
 * `/v1/keys`: the inventory of keys, and everything that can be done to them. Keys themselves come from the
 * configuration; here are their versions.
 *
 * @packageDocumentation
 */
import type { FastifyRequest } from 'fastify'
import * as Type from 'typebox'
import { CountersignError } from '../../errors.ts'
import type { ServiceApp } from '../http/service-app.ts'
import type { ServiceContext } from '../context.ts'
import {
  type AdministrationContext,
  administerKey,
  type KeyAnswer,
  type KeyCommand,
} from '../operations/administer-key.ts'
import { findKey } from '../operations/find-key.ts'
import { describeKey, type KeyView } from '../operations/describe-key.ts'
import { callerOf } from '../http/request.ts'
import { keyParams } from '../schemas/key-path.ts'
import {
  activateBody,
  createBody,
  destroyBody,
  importBody,
  planQuery,
  relocateBody,
  revokeBody,
  rotateBody,
} from '../schemas/keys.ts'

type KeysContext = AdministrationContext & Pick<ServiceContext, 'failures' | 'now'>

const keyAnswer = Type.Unsafe<KeyAnswer>({
  type: 'object',
  title: 'KeyChange',
  description: 'What was done, with the versions that changed; or the plan, with `dryRun`.',
})
const keyView = Type.Unsafe<KeyView>({
  type: 'object',
  title: 'Key',
  description: 'A key and its versions.',
})
const keyList = Type.Object({ keys: Type.Array(keyView) })

/** Registers the routes. */
export function keyRoutes(app: ServiceApp, context: KeysContext): void {
  readRoutes(app, context)
  newVersionRoutes(app, context)
  transitionRoutes(app, context)
  relocationRoutes(app, context)
  endingRoutes(app, context)
}

function readRoutes(app: ServiceApp, context: KeysContext): void {
  app.get(
    '/v1/keys',
    {
      schema: {
        operationId: 'listKeys',
        summary: 'List all keys with their versions; needs `readKeys` on each.',
        tags: ['keys'],
        response: { 200: keyList },
      },
    },
    async (request) => {
      const { snapshot } = context.keyring
      for (const key of snapshot.keys) await assertReadable(context, request, key.name)
      return { keys: snapshot.keys.map((key) => describeKey(snapshot, key, context.now())) }
    },
  )
  app.get(
    '/v1/keys/:key',
    {
      schema: {
        operationId: 'getKey',
        summary: 'Show a key with its versions, and when each step of its rotation can be.',
        tags: ['keys'],
        params: keyParams,
        response: { 200: keyView },
      },
    },
    async (request) => {
      const { key: name } = request.params
      await assertReadable(context, request, name)
      return describeKey(context.keyring.snapshot, findKey(context.keyring, name), context.now())
    },
  )
}

function assertReadable(
  context: KeysContext,
  request: FastifyRequest,
  name: string,
): Promise<void> {
  const access = { action: 'readKeys', key: findKey(context.keyring, name) } as const
  return context.authorize(callerOf(request), access, request.id)
}

function newVersionRoutes(app: ServiceApp, context: KeysContext): void {
  app.post(
    '/v1/keys',
    {
      config: { actions: ['createKey'] },
      schema: {
        operationId: 'createVersion',
        summary: 'Make the next version of a key, and publish it as a standby.',
        tags: ['keys'],
        querystring: planQuery,
        body: createBody,
        response: { 200: keyAnswer },
      },
    },
    async (request) => {
      const { key, publish: isPublished = true } = request.body
      return administer(context, request, key, { action: 'create', isPublished })
    },
  )
  app.post(
    '/v1/keys/:key/import',
    {
      config: { actions: ['importKey'] },
      schema: {
        operationId: 'importVersion',
        summary:
          'Make an existing key pair the next version of a key, and publish it as a standby.',
        tags: ['keys'],
        params: keyParams,
        querystring: planQuery,
        body: importBody,
        response: { 200: keyAnswer },
      },
    },
    async (request) => {
      const { uri } = request.body
      return administer(context, request, request.params.key, { action: 'import', uri })
    },
  )
  app.post(
    '/v1/keys/:key/rotate',
    {
      config: { actions: ['rotateKey'] },
      schema: {
        operationId: 'rotateKey',
        summary: 'Let the standby sign in place of the active version.',
        tags: ['keys'],
        params: keyParams,
        querystring: planQuery,
        body: rotateBody,
        response: { 200: keyAnswer },
      },
    },
    async (request) => {
      const { force } = request.body
      return administer(context, request, request.params.key, { action: 'rotate', force })
    },
  )
}

function transitionRoutes(app: ServiceApp, context: KeysContext): void {
  const summaries = {
    activate: 'Let a published version sign, and retire the one before it.',
    retire: 'End the signing of a version, with none in its place.',
  }
  for (const action of ['activate', 'retire'] as const) {
    app.post(
      `/v1/keys/:key/${action}`,
      {
        config: { actions: [`${action}Key`] },
        schema: {
          operationId: `${action}Version`,
          summary: summaries[action],
          tags: ['keys'],
          params: keyParams,
          querystring: planQuery,
          body: activateBody,
          response: { 200: keyAnswer },
        },
      },
      async (request) => {
        const { version, force } = request.body
        return administer(context, request, request.params.key, { action, version, force })
      },
    )
  }
}

function relocationRoutes(app: ServiceApp, context: KeysContext): void {
  app.post(
    '/v1/keys/:key/relocate',
    {
      config: { actions: ['relocateKey'] },
      schema: {
        operationId: 'relocateVersion',
        summary: 'Move a version to another location that holds the same key pair.',
        tags: ['keys'],
        params: keyParams,
        querystring: planQuery,
        body: relocateBody,
        response: { 200: keyAnswer },
      },
    },
    async (request) => {
      const { version, uri } = request.body
      const command = { action: 'relocate', version, uri } as const
      return administer(context, request, request.params.key, command)
    },
  )
}

function endingRoutes(app: ServiceApp, context: KeysContext): void {
  app.post(
    '/v1/keys/:key/revoke',
    {
      config: { actions: ['revokeKey'] },
      schema: {
        operationId: 'revokeVersion',
        summary: 'Stop a version for good, and put another in its place at once.',
        tags: ['keys'],
        params: keyParams,
        querystring: planQuery,
        body: revokeBody,
        response: { 200: keyAnswer },
      },
    },
    async (request) => {
      const { version, force, mode, compromisedSince } = request.body
      const since = parseTime(compromisedSince)
      const command = { action: 'revoke', version, force, mode, compromisedSince: since } as const
      return administer(context, request, request.params.key, command)
    },
  )
  app.post(
    '/v1/keys/:key/destroy',
    {
      config: { actions: ['destroyKey'] },
      schema: {
        operationId: 'destroyVersion',
        summary: 'Give up the private half of a version for ever.',
        tags: ['keys'],
        params: keyParams,
        querystring: planQuery,
        body: destroyBody,
        response: { 200: keyAnswer },
      },
    },
    async (request) => {
      const { version, cancel } = request.body
      return administer(context, request, request.params.key, {
        action: 'destroy',
        version,
        cancel,
      })
    },
  )
}

/** Of a request, what every change of a key looks at. */
interface AdministrativeRequest extends Pick<FastifyRequest, 'id' | 'caller'> {
  readonly query: { readonly dryRun?: boolean }
  readonly body: { readonly reason?: string }
}

function administer(
  context: KeysContext,
  request: AdministrativeRequest,
  name: string,
  command: KeyCommand,
): Promise<KeyAnswer> {
  const { dryRun = false } = request.query
  const { reason } = request.body
  const about = { caller: callerOf(request), requestId: request.id }
  const attempt = { ...about, action: `${command.action}Key`, resource: name }
  return context.failures.watch(attempt, () =>
    administerKey(context, name, command, { ...about, reason, dryRun }),
  )
}

function parseTime(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined
  const time = new Date(text)
  // JavaScript takes 31 February for 3 March.
  const isTime = !Number.isNaN(time.getTime())
  if (isTime && time.toISOString().slice(0, 19) === text.slice(0, 19)) return time
  throw new CountersignError('ERR_REQUEST_INVALID', `compromisedSince: "${text}" is no time`, {
    hint: 'write it as 2026-11-25T10:00:00Z',
    details: { path: '/compromisedSince' },
  })
}
