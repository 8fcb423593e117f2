/** `/v1/approvals`: requests that others have to approve before they are done. */
import * as Type from 'typebox'
import { type Approval, listApprovals } from '../../access/approvals.ts'
import type { JsonObject } from '../../formats/json.ts'
import type { ServiceContext } from '../context.ts'
import { type RequestApprovalContext, approveRequest } from '../operations/approve-request.ts'
import { findKey } from '../operations/find-key.ts'
import { callerOf } from '../http/request.ts'
import { strictObject } from '../schemas/strict-object.ts'
import type { ServiceApp } from '../http/service-app.ts'

type ApprovalsContext = RequestApprovalContext &
  Pick<ServiceContext, 'failures'> &
  Pick<ServiceContext, 'now'>

const approval = Type.Object(
  {
    id: Type.String(),
    action: Type.String({ examples: ['revokeKey'] }),
    key: Type.String(),
    requestSha256: Type.String({ description: 'SHA-256 of exactly what is to be done.' }),
    parameters: Type.Unsafe<JsonObject>({
      type: 'object',
      additionalProperties: true,
      description: 'What is to be done: everything the request says.',
    }),
    approvers: Type.Array(Type.String(), {
      description: 'Issuer and subject of each caller who agreed so far, the requester included.',
    }),
    expires: Type.String({ description: 'RFC 3339; until then it waits.' }),
  },
  { title: 'Approval' },
)

const params = Type.Object({ id: Type.String({ maxLength: 64 }) })

const approvalBody = strictObject({
  requestSha256: Type.String({
    pattern: '^[0-9a-f]{64}$',
    description: 'Of the request as its approver saw it, so that no other request is approved.',
  }),
})

/** Registers the routes. */
export function approvalRoutes(app: ServiceApp, context: ApprovalsContext): void {
  app.get(
    '/v1/approvals',
    {
      schema: {
        operationId: 'listApprovals',
        summary: 'List requests that wait for approval; needs `readKeys` on each key.',
        tags: ['keys'],
        response: { 200: Type.Object({ approvals: Type.Array(approval) }) },
      },
    },
    async (request) => {
      const { store } = context
      const now = context.now()
      const rows = await store.transaction(({ approvals }) => approvals.approvals(now))
      const waiting = await listApprovals(rows, { log: store.log, now })
      for (const name of new Set(waiting.map(({ resource }) => resource))) {
        const access = { action: 'readKeys', key: findKey(context.keyring, name) } as const
        await context.authorize(callerOf(request), access, request.id)
      }
      return { approvals: waiting.map(toAnswer) }
    },
  )
  app.post(
    '/v1/approvals/:id',
    {
      config: { actions: ['approve'] },
      schema: {
        operationId: 'approveRequest',
        summary: 'Approve a request; its requester then sends it again.',
        tags: ['keys'],
        params,
        body: approvalBody,
        response: { 200: approval },
      },
    },
    async (request) => {
      const asked = { caller: callerOf(request), requestId: request.id }
      const { id } = request.params
      return context.failures.watch({ ...asked, action: 'approve', resource: id }, async () =>
        toAnswer(await approveRequest(context, { ...asked, id, ...request.body })),
      )
    },
  )
}

interface ApprovalAnswer {
  readonly id: string
  readonly action: string
  readonly key: string
  readonly requestSha256: string
  readonly parameters: JsonObject
  readonly approvers: string[]
  readonly expires: string
}

function toAnswer(approval: Approval): ApprovalAnswer {
  const { action, agreed, expires, id, parameters, requestSha256, resource: key } = approval
  const approvers = [...agreed.keys()]
  return { id, action, key, requestSha256, parameters, approvers, expires: expires.toISOString() }
}
