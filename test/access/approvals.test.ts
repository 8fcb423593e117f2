import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type ApprovalContext,
  approvalRequired,
  type ApprovalOutcome,
  type ApprovalSettings,
  approve,
  claimApproval,
  hashRequest,
  type ProtectedRequest,
} from '../../src/access/approvals.ts'
import type { Caller } from '../../src/access/caller.ts'
import type { JsonValue } from '../../src/formats/json.ts'
import type { ApprovalRecords, ApprovalRequest } from '../../src/store/store.ts'
import { codeOfAsync } from '../support/errors.ts'

const NOW = new Date('2026-11-25T12:00:00Z')
const LATER = new Date(NOW.getTime() + 3600_000)
const SETTINGS: ApprovalSettings = {
  required: 2,
  actions: ['revokeKey', 'destroyKey', 'forceActivateKey'],
  lifetimeSeconds: 3600,
}
const REVOKE: ProtectedRequest = {
  action: 'revokeKey',
  isForced: false,
  resource: 'release',
  parameters: { version: 3, reason: 'stolen' },
}

/** Records in memory, as a store keeps them. */
function createRecords(): ApprovalRecords {
  const all = new Map<string, ApprovalRequest>()
  return {
    findApproval: (id) => Promise.resolve(all.get(id)),
    approvals: (now) => Promise.resolve([...all.values()].filter(({ expires }) => expires > now)),
    putApproval(request) {
      all.set(request.id, request)
      return Promise.resolve()
    },
    deleteApproval(id) {
      all.delete(id)
      return Promise.resolve()
    },
  }
}

interface Scene {
  readonly claim: (who: string, what?: ProtectedRequest, now?: Date) => Promise<ApprovalOutcome>
  readonly approve: (
    who: string,
    what: Pick<ApprovalRequest, 'id' | 'requestSha256'>,
    now?: Date,
  ) => Promise<ApprovalRequest>
}

function createScene(required = 2): Scene {
  const records = createRecords()
  let made = 0
  const contextOf = (who: string, now: Date): ApprovalContext => {
    const caller: Caller = { kind: 'oidc', issuer: 'https://idp.example', subject: who, claims: {} }
    return { records, settings: { ...SETTINGS, required }, caller, now }
  }
  return {
    claim: (who, what = REVOKE, now = NOW) =>
      claimApproval(what, contextOf(who, now), () => `approval-${++made}`),
    approve: (who, what, now = NOW) => approve(what, contextOf(who, now)),
  }
}

function waiting(outcome: ApprovalOutcome): ApprovalRequest {
  if (outcome.isApproved) throw new Error('expected a request that waits')
  return outcome.request
}

test('an action that needs nobody else is done at once', async () => {
  const scene = createScene()

  const outcome = await scene.claim('ann', { ...REVOKE, action: 'rotateKey' })

  expect(outcome).toEqual({ isApproved: true, used: undefined })
})

test('only an activation that is forced waits where that is what is said', async () => {
  const scene = createScene()
  const activate: ProtectedRequest = { ...REVOKE, action: 'activateKey' }

  expect((await scene.claim('ann', activate)).isApproved).toBe(true)
  expect((await scene.claim('ann', { ...activate, isForced: true })).isApproved).toBe(false)
})

test('a request waits for another person, is done once, and then waits again', async () => {
  const scene = createScene()

  const request = waiting(await scene.claim('ann'))
  await scene.approve('bob', request)

  expect(await scene.claim('ann')).toMatchObject({ isApproved: true, used: { id: request.id } })
  expect(waiting(await scene.claim('ann')).id).toBe('approval-2')
})

test('a request that waits says its id, and how many more it needs', async () => {
  const scene = createScene(3)
  const outcome = await scene.claim('ann', { ...REVOKE, action: 'destroyKey' })
  if (outcome.isApproved) throw new Error('expected a request that waits')

  expect(approvalRequired(outcome)).toMatchObject({
    code: 'ERR_APPROVAL_REQUIRED',
    message: '"destroyKey" of "release" needs 2 more of 3 approvals (approval-1)',
    hint: expect.stringContaining('countersign key approve approval-1 --request ') as string,
    details: { approvalId: 'approval-1', needed: 3, missing: 2, expires: LATER.toISOString() },
  })
})

test('asking again adds no approval, whoever asks', async () => {
  const scene = createScene()

  for (const who of ['ann', 'ann', 'bob']) {
    expect(waiting(await scene.claim(who))).toMatchObject({
      id: 'approval-1',
      approvers: ['https://idp.example ann'],
    })
  }
})

test('nobody approves twice, nor what he requested', async () => {
  const scene = createScene(3)
  const request = waiting(await scene.claim('ann', { ...REVOKE, action: 'destroyKey' }))
  await scene.approve('bob', request)

  for (const who of ['ann', 'bob']) {
    await expect(scene.approve(who, request)).rejects.toMatchObject({
      code: 'ERR_APPROVAL_REQUIRED',
      message: 'you approved this request already',
    })
  }
})

test('an approval is for the exact request', async () => {
  const scene = createScene()
  const request = waiting(await scene.claim('ann'))
  await scene.approve('bob', request)

  for (const changed of [
    { ...REVOKE, resource: 'other' },
    { ...REVOKE, isForced: true },
    { ...REVOKE, action: 'destroyKey' as const },
    { ...REVOKE, parameters: { version: 4, reason: 'stolen' } },
  ]) {
    expect((await scene.claim('ann', changed)).isApproved).toBe(false)
  }
  const other = { id: request.id, requestSha256: hashRequest({ ...REVOKE, resource: 'x' }) }
  expect(await codeOfAsync(() => scene.approve('cid', other))).toBe('ERR_APPROVAL_REQUIRED')
})

test('a request whose time is over is neither approved nor done', async () => {
  const scene = createScene()
  const request = waiting(await scene.claim('ann'))

  expect(await codeOfAsync(() => scene.approve('bob', request, LATER))).toBe(
    'ERR_APPROVAL_REQUIRED',
  )
  await scene.approve('bob', request)
  expect(waiting(await scene.claim('ann', REVOKE, LATER)).id).toBe('approval-2')
})

test('a request that never was is not approved', async () => {
  const scene = createScene()

  const unknown = { id: 'approval-9', requestSha256: hashRequest(REVOKE) }

  expect(await codeOfAsync(() => scene.approve('bob', unknown))).toBe('ERR_APPROVAL_REQUIRED')
})

test('the same subject of another issuer is another person', async () => {
  const scene = createScene()
  const request = waiting(await scene.claim('ann'))
  const records = createRecords()
  await records.putApproval(request)
  const caller: Caller = { kind: 'oidc', issuer: 'https://b.example', subject: 'ann', claims: {} }

  const approved = await approve(request, { records, caller, now: NOW })

  expect(approved.approvers).toEqual(['https://idp.example ann', 'https://b.example ann'])
})

test('a request has one hash, whatever the order of its members', () => {
  const json = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }))
  const reorder = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map(reorder)
    const members = Object.entries(value).reverse()
    return Object.fromEntries(members.map(([name, member]) => [name, reorder(member)]))
  }

  fc.assert(
    fc.property(json, (value) => {
      const parameters = value as ProtectedRequest['parameters']
      const reordered = reorder(value) as ProtectedRequest['parameters']

      expect(hashRequest({ ...REVOKE, parameters: reordered })).toBe(
        hashRequest({ ...REVOKE, parameters }),
      )
    }),
  )
})

test('an object and the list of its members are two requests', () => {
  const hash = (value: JsonValue): string => hashRequest({ ...REVOKE, parameters: { value } })

  expect(new Set([hash({ a: 1 }), hash([['a', 1]]), hash({ a: '1' }), hash(null)]).size).toBe(4)
})

test('no request is done with fewer people than it needs', async () => {
  const destroy: ProtectedRequest = { ...REVOKE, action: 'destroyKey' }
  const who = fc.constantFrom('ann', 'bob', 'cid', 'dan')

  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(who, fc.boolean()), { maxLength: 20 }), async (steps) => {
      const scene = createScene(3)
      const people = new Set<string>()
      const request = waiting(await scene.claim('ann', destroy))
      people.add('ann')
      for (const [person, isClaim] of steps) {
        if (isClaim) {
          const { isApproved } = await scene.claim(person, destroy)
          expect(isApproved).toBe(people.size >= 3)
          if (isApproved) return
        } else {
          const code = await codeOfAsync(() => scene.approve(person, request))
          expect(code).toBe(people.has(person) ? 'ERR_APPROVAL_REQUIRED' : 'accepted')
          people.add(person)
        }
      }
    }),
  )
})
