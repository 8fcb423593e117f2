/** `/log/`: the transparency log, public or only for those who may read the audit log. */
import { labelsOfLeaf } from '../../log/read-leaf.ts'
import type { ServiceContext } from '../context.ts'
import type { ServiceApp } from '../http/service-app.ts'
import { type AuditContext, permitReader } from './audit.ts'
import { logFileRoutes } from './log-files.ts'

/** Registers the routes. */
export function logRoutes(
  app: ServiceApp,
  context: AuditContext & Pick<ServiceContext, 'settings'>,
): void {
  const { isLogPublic } = context.settings
  logFileRoutes(app, {
    prefix: '/log/',
    operationIds: {
      checkpoint: 'getCheckpoint',
      witnessed: 'getWitnessedCheckpoint',
      tile: 'getTile',
      entries: 'listEntries',
    },
    name: 'the transparency log',
    log: () => context.store.transparencyLog,
    labelsOf: labelsOfLeaf,
    labels: 'state: or leaf:',
    config: isLogPublic ? { auth: 'none', isCostly: true } : {},
    isPublic: isLogPublic,
    permit: isLogPublic
      ? () => Promise.resolve()
      : async (request) => {
          await permitReader(context, request)
        },
  })
}
