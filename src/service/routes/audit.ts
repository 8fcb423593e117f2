/** `/audit/`: the audit log, for callers whom policies permit `readLog` on the key that signs it. */
import type { FastifyRequest } from 'fastify'
import { CountersignError } from '../../errors.ts'
import { labelsOfEntryData } from '../../log/entry-labels.ts'
import type { ServiceContext } from '../context.ts'
import { callerOf } from '../http/request.ts'
import type { ServiceApp } from '../http/service-app.ts'
import { logFileRoutes } from './log-files.ts'

/** What deciding about readers of the audit log takes. */
export type AuditContext = Pick<ServiceContext, 'authorize' | 'keyring' | 'store'>

/** Registers the routes. */
export function auditRoutes(app: ServiceApp, context: AuditContext): void {
  logFileRoutes(app, {
    prefix: '/audit/',
    operationIds: {
      checkpoint: 'getAuditCheckpoint',
      witnessed: 'getAuditWitnessedCheckpoint',
      tile: 'getAuditTile',
      entries: 'listAuditEntries',
    },
    name: 'the audit log',
    log: () => context.store.log,
    labelsOf: labelsOfEntryData,
    labels: 'type:, key:, kid:, state:, digest:, bundle:, jti: or approval:',
    config: {},
    isPublic: false,
    permit: async (request) => {
      await permitReader(context, request)
    },
  })
}

/**
 * Lets a request of a caller pass who may read the audit log: of several keys that signed it, with each.
 *
 * @throws {@link CountersignError} ERR_NOT_ALLOWED; ERR_KEY_NOT_FOUND — the service has no such key
 */
export async function permitReader(
  { authorize, keyring }: Pick<AuditContext, 'authorize' | 'keyring'>,
  request: FastifyRequest,
): Promise<void> {
  const keys = keyring.snapshot.keys.filter(({ use }) => use === 'audit')
  if (keys.length === 0) throw noKey()
  for (const key of keys) {
    await authorize(callerOf(request), { action: 'readLog', key }, request.id)
  }
}

function noKey(): CountersignError {
  return new CountersignError('ERR_KEY_NOT_FOUND', 'this service has no key for its audit log', {
    hint: 'add one to keys in countersign.yaml, with use: audit',
  })
}
