import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { type Approval, hashRequest, type ProtectedRequest } from '../../../src/access/approvals.ts'
import type { Caller } from '../../../src/access/caller.ts'
import type { JsonValue } from '../../../src/formats/json.ts'
import { appendEntries } from '../../../src/log/append.ts'
import { ApprovalCheck } from '../../../src/log/approval-check.ts'
import type { LogEntry } from '../../../src/log/entry.ts'
import { parseEntry } from '../../../src/log/entry-format.ts'
import { createApprovals } from '../../../src/service/authorization/approval.ts'
import { recordRules } from '../../../src/service/authorization/approval-rules.ts'
import { approveRequest } from '../../../src/service/operations/approve-request.ts'
import { openStore } from '../../../src/store/open-store.ts'
import type { Store } from '../../../src/store/store.ts'
import { SteadyClock } from '../../support/steady-clock.ts'
import { codeOfAsync } from '../../support/errors.ts'
import { serviceKey } from '../../support/service-keys.ts'

const NOW = new Date('2026-11-25T12:00:00Z')
const LATER = new Date(NOW.getTime() + 3600_000)
const REVOKE: ProtectedRequest = {
  action: 'revokeKey',
  resource: 'release',
  parameters: { version: 3, reason: 'stolen' },
  steps: [{ version: 3, action: 'revoke', isForced: false }],
}
const ROTATE: ProtectedRequest = {
  action: 'rotateKey',
  resource: 'release',
  parameters: {},
  steps: [{ version: 4, action: 'activate', isForced: false }],
}

interface Scene {
  readonly store: Store
  /** Does a request; answers whether it was done. */
  readonly claim: (who: string, what?: ProtectedRequest, now?: Date) => Promise<string>
  readonly approve: (
    who: string,
    what: Pick<Approval, 'id' | 'requestSha256'>,
    now?: Date,
  ) => Promise<Approval>
  readonly log: () => Promise<readonly LogEntry[]>
}

const CLOCK = new SteadyClock(() => NOW)

const callerOf = (who: string): Caller => ({
  kind: 'oidc',
  issuer: 'https://idp.example',
  subject: who,
  claims: {},
})

async function createScene(required = 2): Promise<Scene> {
  const store = await openStore('sqlite::memory:')
  onTestFinished(() => store[Symbol.asyncDispose]())
  const settings = {
    required,
    actions: ['revokeKey', 'destroyKey', 'forceActivateKey'],
    lifetimeSeconds: 3600,
  } as const
  await recordRules(store, settings, { requestId: 'start', clock: CLOCK })
  let [made, time] = [0, NOW]
  const now = (): Date => time
  const randomId = (): string => `approval-${++made}`
  const clock = new SteadyClock(now)
  const approvals = createApprovals({ store, settings, now, clock, randomId })
  return {
    store,
    claim: (who, what = REVOKE, at = NOW) => {
      time = at
      const by = { caller: callerOf(who), requestId: 'r-1' }
      return codeOfAsync(async () => {
        await approvals.assertApproved(what, by)
        await store.transaction(async (records) => {
          const consent = approvals.consentTo(() => what, by)
          await appendEntries(records, await consent(what.steps, records))
        })
      })
    },
    approve: (who, what, at = NOW) => {
      time = at
      const keyring = { snapshot: { sequence: 1, keys: [serviceKey('release', 'artifact')] } }
      const context = { approvals, authorize: () => Promise.resolve(), keyring, now, clock, store }
      return approveRequest(context as never, { ...what, caller: callerOf(who), requestId: 'r-2' })
    },
    log: async () => {
      const { size } = await store.log.head()
      return (await store.log.entries(0, size)).map(parseEntry)
    },
  }
}

/** The request that waits as the first of a scene. */
const first = (what = REVOKE): Pick<Approval, 'id' | 'requestSha256'> => ({
  id: 'approval-1',
  requestSha256: hashRequest(what),
})

test('a change that needs no other approval is made at once', async () => {
  const scene = await createScene()

  expect(await scene.claim('ann', ROTATE)).toBe('accepted')
  expect((await scene.log()).map(({ type }) => type)).toEqual(['rules'])
})

test('the effect of a request decides whether it waits, not its name', async () => {
  const scene = await createScene()
  const force = { ...ROTATE, steps: [{ version: 4, action: 'activate', isForced: true }] }

  expect(await scene.claim('ann', force)).toBe('ERR_APPROVAL_REQUIRED')
  expect(await scene.claim('ann', { ...ROTATE, steps: REVOKE.steps })).toBe('ERR_APPROVAL_REQUIRED')
})

test('a request waits for another person, is done once, and then waits again', async () => {
  const scene = await createScene()

  expect(await scene.claim('ann')).toBe('ERR_APPROVAL_REQUIRED')
  await scene.approve('bob', first())

  expect(await scene.claim('ann')).toBe('accepted')
  expect(await scene.claim('ann')).toBe('ERR_APPROVAL_REQUIRED')
  const steps = (await scene.log()).map((entry) => ('step' in entry ? entry.step : entry.type))
  expect(steps).toEqual(['rules', 'request', 'approve', 'use', 'request'])
  expect((await scene.log())[3]).toMatchObject({ required: 2, approvals: [1, 2] })
})

test('repeating a request adds no approval, for any caller', async () => {
  const scene = await createScene()

  for (const who of ['ann', 'ann', 'bob']) {
    expect(await scene.claim(who)).toBe('ERR_APPROVAL_REQUIRED')
  }

  expect((await scene.log()).map(({ caller }) => caller?.subject)).toEqual([undefined, 'ann'])
})

test('an operator approves at most once, never their own request, and never beyond the quorum', async () => {
  const scene = await createScene(3)
  await scene.claim('ann')
  await scene.approve('bob', first())

  for (const who of ['ann', 'bob']) {
    await expect(scene.approve(who, first())).rejects.toMatchObject({
      code: 'ERR_APPROVAL_REQUIRED',
      message: 'you approved this request already',
    })
  }
  await scene.approve('cid', first())
  await expect(scene.approve('dan', first())).rejects.toMatchObject({
    message: 'the request has its approvals',
  })
})

test('an approval is for the exact request', async () => {
  const scene = await createScene()
  await scene.claim('ann')
  await scene.approve('bob', first())

  for (const changed of [
    { ...REVOKE, resource: 'other' },
    { ...REVOKE, action: 'destroyKey' as const },
    { ...REVOKE, parameters: { version: 4, reason: 'stolen' } },
    {
      ...REVOKE,
      steps: [...REVOKE.steps, { version: 4, action: 'activate', isForced: true }],
    },
  ]) {
    expect(await scene.claim('ann', changed)).toBe('ERR_APPROVAL_REQUIRED')
  }
  const other = { id: 'approval-1', requestSha256: hashRequest({ ...REVOKE, resource: 'x' }) }
  expect(await codeOfAsync(() => scene.approve('cid', other))).toBe('ERR_APPROVAL_REQUIRED')
})

test('a request whose time is over is neither approved nor done', async () => {
  const scene = await createScene()
  await scene.claim('ann')

  expect(await codeOfAsync(() => scene.approve('bob', first(), LATER))).toBe(
    'ERR_APPROVAL_REQUIRED',
  )
  await scene.approve('bob', first())
  expect(await scene.claim('ann', REVOKE, LATER)).toBe('ERR_APPROVAL_REQUIRED')
})

test('a request that never was is not approved', async () => {
  const scene = await createScene()

  expect(await codeOfAsync(() => scene.approve('bob', first()))).toBe('ERR_APPROVAL_REQUIRED')
})

test('changed rules are logged, and a weaker replica follows the stricter ones', async () => {
  const scene = await createScene()
  const settings = { required: 1, actions: [], lifetimeSeconds: 3600 } as const
  const weaker = createApprovals({
    ...{ store: scene.store, settings, now: () => NOW, clock: CLOCK },
    randomId: () => 'approval-w',
  })
  const claim = (): Promise<string> =>
    codeOfAsync(() => weaker.assertApproved(REVOKE, { caller: callerOf('ann'), requestId: 'r' }))

  expect(await claim()).toBe('ERR_APPROVAL_REQUIRED')
  await recordRules(scene.store, settings, { requestId: 'start', clock: CLOCK })
  await recordRules(scene.store, settings, { requestId: 'start', clock: CLOCK })

  expect(await claim()).toBe('accepted')
  expect((await scene.log()).map(({ type }) => type)).toEqual(['rules', 'approval', 'rules'])
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

test('no request is done with fewer people than it needs, and the log shows that', async () => {
  const who = fc.constantFrom('ann', 'bob', 'cid', 'dan')

  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(who, fc.boolean()), { maxLength: 12 }), async (steps) => {
      const scene = await createScene(3)
      const people = new Set(['ann'])
      await scene.claim('ann')
      for (const [person, isClaim] of steps) {
        if (isClaim) {
          const code = await scene.claim(person)
          expect(code).toBe(people.size >= 3 ? 'accepted' : 'ERR_APPROVAL_REQUIRED')
          if (code === 'accepted') break
        } else {
          const code = await codeOfAsync(() => scene.approve(person, first()))
          const isNew = !people.has(person) && people.size < 3
          expect(code).toBe(isNew ? 'accepted' : 'ERR_APPROVAL_REQUIRED')
          if (isNew) people.add(person)
        }
      }
      const check = new ApprovalCheck()
      for (const [index, entry] of (await scene.log()).entries()) check.add(index, entry)
      check.end()
    }),
    { numRuns: 30 },
  )
})
