import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { ProtectedRequest } from '../../../src/access/approvals.ts'
import { appendEntries } from '../../../src/log/append.ts'
import { createApprovals } from '../../../src/service/authorization/approval.ts'
import type { LogEntry } from '../../../src/log/entry.ts'
import { parseEntry } from '../../../src/log/entry-format.ts'
import { openStore } from '../../../src/store/open-store.ts'
import {
  CALLER,
  CREDENTIALS,
  NOW,
  startService,
  WORKFLOW_CREDENTIALS,
} from '../../support/service.ts'
import type { TestService } from '../../support/service.ts'
import { codeOfAsync } from '../../support/errors.ts'
import { SteadyClock } from '../../support/steady-clock.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

const REQUEST: ProtectedRequest = {
  action: 'revokeKey',
  resource: 'release',
  parameters: { version: 1 },
  steps: [{ version: 1, action: 'revoke', isForced: false }],
}

/** A service in which the caller of a request asked for what another has to approve; answers how to ask again. */
async function waitingService(
  policies?: string,
): Promise<TestService & { readonly ask: () => Promise<void> }> {
  const store = await openStore(`sqlite:${join(createTempFolder(), 'service.db')}`)
  onTestFinished(() => store[Symbol.asyncDispose]())
  let ids = 0
  const approvals = createApprovals({
    store,
    settings: { required: 2, actions: ['revokeKey'], lifetimeSeconds: 3600 },
    now: () => NOW,
    clock: new SteadyClock(() => NOW),
    randomId: () => `approval-${(ids += 1)}`,
  })
  const parts = { store, approvals }
  const started = await startService(policies === undefined ? { parts } : { policies, parts })
  const log = async (): Promise<readonly LogEntry[]> => {
    const { size } = await store.log.head()
    return (await store.log.entries(0, size)).map(parseEntry)
  }
  const service = { ...started, store, log }
  const by = { caller: CALLER, requestId: 'r-1' }
  const ask = async (): Promise<void> => {
    await approvals.assertApproved(REQUEST, by)
    const consent = approvals.consentTo(() => REQUEST, by)
    await store.transaction(async (records) => {
      await records.keys.lockKey('release')
      await appendEntries(records, await consent(REQUEST.steps, records))
    })
  }
  expect(await codeOfAsync(ask)).toBe('ERR_APPROVAL_REQUIRED')
  return { ...service, ask }
}

/** The request that waits, as the service lists it. */
async function listed({ app }: TestService): Promise<{ readonly requestSha256: string }> {
  const answer = await app.inject({ url: '/v1/approvals', headers: CREDENTIALS })
  const [waiting] = answer.json<{ approvals: { requestSha256: string }[] }>().approvals
  if (waiting === undefined) throw new Error('nothing waits')
  return waiting
}

function approval(requestSha256: string, headers: Readonly<Record<string, string>>) {
  return {
    method: 'POST',
    url: '/v1/approvals/approval-1',
    headers,
    payload: { requestSha256 },
  } as const
}

test('pending requests are listed with all who approved them', async () => {
  const service = await waitingService()

  expect(await listed(service)).toMatchObject({
    id: 'approval-1',
    action: 'revokeKey',
    key: 'release',
    parameters: { version: 1 },
    approvers: ['static tester'],
    expires: '2026-11-22T11:00:00.000Z',
  })
})

test('once another approved it is done, and once only', async () => {
  const service = await waitingService()
  const { requestSha256 } = await listed(service)

  const answer = await service.app.inject(approval(requestSha256, WORKFLOW_CREDENTIALS))

  expect(answer.statusCode).toBe(200)
  expect(answer.json<{ approvers: string[] }>().approvers).toHaveLength(2)
  expect(await codeOfAsync(service.ask)).toBe('accepted')
  const about = { type: 'approval', action: 'revokeKey', resource: 'release', requestSha256 }
  const [asker, other] = ['tester', 'repo:acme/widget:ref:refs/heads/main']
  expect(await service.log()).toMatchObject([
    { ...about, step: 'request', approvalId: 'approval-1', caller: { subject: asker } },
    { ...about, step: 'approve', approvalId: 'approval-1', caller: { subject: other } },
    { ...about, step: 'use', approvalId: 'approval-1', caller: { subject: asker } },
  ])
  expect(await codeOfAsync(service.ask)).toBe('ERR_APPROVAL_REQUIRED')
})

test('an approved change runs once, though it is sent twice at the same time', async () => {
  const service = await waitingService()
  const { requestSha256 } = await listed(service)
  await service.app.inject(approval(requestSha256, WORKFLOW_CREDENTIALS))

  const codes = await Promise.all([service.ask, service.ask].map((ask) => codeOfAsync(ask)))

  expect(codes.toSorted()).toEqual(['ERR_APPROVAL_REQUIRED', 'accepted'])
})

test('the requester cannot approve', async () => {
  const service = await waitingService()
  const { requestSha256 } = await listed(service)

  const answer = await service.app.inject(approval(requestSha256, CREDENTIALS))

  expect(answer.statusCode).toBe(403)
  expect(answer.json()).toMatchObject({
    code: 'ERR_APPROVAL_REQUIRED',
    approval: { approvalId: 'approval-1' },
  })
})

test('an approval counts only for the request its operator saw', async () => {
  const service = await waitingService()

  const answer = await service.app.inject(approval('0'.repeat(64), WORKFLOW_CREDENTIALS))

  expect(answer.statusCode).toBe(403)
  expect(await codeOfAsync(service.ask)).toBe('ERR_APPROVAL_REQUIRED')
})

test('a policy decides who may approve', async () => {
  const service = await waitingService(
    'permit (principal, action == Action::"readKeys", resource);',
  )
  const { requestSha256 } = await listed(service)

  const answer = await service.app.inject(approval(requestSha256, WORKFLOW_CREDENTIALS))

  expect(answer.statusCode).toBe(403)
  expect(answer.json()).toMatchObject({ code: 'ERR_NOT_ALLOWED' })
  expect(await codeOfAsync(service.ask)).toBe('ERR_APPROVAL_REQUIRED')
})
