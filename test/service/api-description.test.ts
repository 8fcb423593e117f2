/** What `/openapi.json` promises to generated clients. */
import { expect, test } from 'vitest'
import { shareSchemas } from '../../src/service/schemas/components.ts'
import { createService } from '../support/service.ts'

interface Operation {
  readonly operationId?: string
  readonly responses: Readonly<Record<string, unknown>>
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> }
}

async function describe(): Promise<Description> {
  await using app = await createService()
  const answer = await app.inject('/openapi.json')
  return answer.json<Description>()
}

/** Every object in a value, itself included. */
function objectsIn(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  if (typeof value !== 'object' || value === null) return []
  const inner = Object.values(value).flatMap(objectsIn)
  return Array.isArray(value) ? inner : [value as Readonly<Record<string, unknown>>, ...inner]
}

test('every operation has an id that never changes', async () => {
  const { paths } = await describe()
  const ids = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => [
      operationId,
      `${method.toUpperCase()} ${path}`,
    ]),
  )

  expect(new Set(ids.map(([id]) => id)).size).toBe(ids.length)
  // Generated clients call their functions by these: add to them, and change none.
  expect(Object.fromEntries(ids)).toEqual({
    signArtifacts: 'POST /v1/keys/{key}/signatures',
    signBatch: 'POST /v1/keys/{key}/batches',
    attestSubjects: 'POST /v1/keys/{key}/attestations',
    getWitnessedCheckpoint: 'GET /log/witnessed-checkpoint',
    getAuditWitnessedCheckpoint: 'GET /audit/witnessed-checkpoint',
    stampTime: 'POST /v1/timestamps',
    issueToken: 'POST /v1/keys/{key}/tokens',
    verify: 'POST /v1/verifications',
    listKeys: 'GET /v1/keys',
    getKey: 'GET /v1/keys/{key}',
    createVersion: 'POST /v1/keys',
    importVersion: 'POST /v1/keys/{key}/import',
    relocateVersion: 'POST /v1/keys/{key}/relocate',
    rotateKey: 'POST /v1/keys/{key}/rotate',
    activateVersion: 'POST /v1/keys/{key}/activate',
    retireVersion: 'POST /v1/keys/{key}/retire',
    revokeVersion: 'POST /v1/keys/{key}/revoke',
    destroyVersion: 'POST /v1/keys/{key}/destroy',
    listApprovals: 'GET /v1/approvals',
    approveRequest: 'POST /v1/approvals/{id}',
    checkLiveness: 'GET /livez',
    checkHealth: 'GET /healthz',
    checkReadiness: 'GET /readyz',
    getCheckpoint: 'GET /log/checkpoint',
    getTile: 'GET /log/tile/{*}',
    listEntries: 'GET /log/entries',
    getAuditCheckpoint: 'GET /audit/checkpoint',
    getAuditTile: 'GET /audit/tile/{*}',
    listAuditEntries: 'GET /audit/entries',
    getJwks: 'GET /.well-known/jwks.json',
    getOpenIdConfiguration: 'GET /.well-known/openid-configuration',
    getKeyHistory: 'GET /trust/keys.json',
    getTrustedRoot: 'GET /trust/trusted-root.json',
    getPublicKey: 'GET /keys/{file}',
  })
})

test('a schema that several operations have is one component', async () => {
  const { paths } = await describe()
  const inline = objectsIn(paths).filter(
    ({ type, properties }) =>
      type === 'object' && objectsIn(properties).length > 1 && Object.keys(properties ?? {}).length,
  )
  const texts = inline.map((schema) => JSON.stringify(schema))

  expect(texts.filter((text, place) => texts.indexOf(text) !== place)).toEqual([])
})

test('every reference leads to a component, and every component is referred to', async () => {
  const { paths, components } = await describe()
  const referred = objectsIn([paths, components]).flatMap(({ $ref }) => $ref ?? [])
  const present = Object.keys(components.schemas).map((name) => `#/components/schemas/${name}`)

  expect(new Set(referred)).toEqual(new Set(present))
  expect(present.length).toBeGreaterThan(4)
  for (const methods of Object.values(paths)) {
    for (const { responses } of Object.values(methods)) {
      expect(responses['default']).toMatchObject({
        content: {
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        },
      })
    }
  }
})

test('two schemas of one title are a mistake of ours', () => {
  const paths = { a: { title: 'Thing', type: 'object' }, b: { title: 'Thing', type: 'string' } }

  expect(() => shareSchemas({ paths })).toThrow(TypeError)
})
