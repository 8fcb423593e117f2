/**
 * A caller that may sign, who signs annotations that verifiers act on: the policies see them all.
 *
 * @packageDocumentation
 */
import { hash } from 'node:crypto'
import { expect, test } from 'vitest'
import { runServer } from '../support/server.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const POLICIES = `
permit (principal, action == Action::"sign", resource)
when { ["team", "tier"].containsAll(context.annotations.names) }
unless { context.annotations.hasTag("team") && context.annotations.getTag("team") != "web" };
permit (principal, action == Action::"sign", resource)
when { context.annotations.names.isEmpty() && context.subject.name == "open" };`

const NAME = 'registry.example.com/app'
/** The forms of a signature, each with a place for annotations. */
const FORMS: Readonly<Record<string, object>> = {
  file: { kind: 'file', name: 'app.tgz' },
  image: { kind: 'image', name: NAME },
  payload: { kind: 'image', format: 'legacy', reference: NAME },
}

type Annotations = Readonly<Record<string, string>>

/** Starts a service; answers what signing artifacts with annotations comes to. */
async function start(
  policies: string,
  form = FORMS['image'],
): Promise<(...artifacts: readonly (Annotations | undefined)[]) => Promise<object>> {
  const folder = writeServiceFolder({
    folder: createTempFolder(),
    keys: { release: { use: 'artifact' } },
    policies,
  })
  const { address } = await runServer(folder)
  return async (...annotated) => {
    const digest = `sha256:${hash('sha256', 'an artifact')}`
    const artifacts = annotated.map((annotations) => ({ ...form, digest, annotations }))
    const response = await fetch(`${address}/v1/keys/release/signatures`, {
      method: 'POST',
      headers: { authorization: folder.authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ artifacts }),
    })
    const { code } = (await response.json()) as { code?: string }
    return { status: response.status, code }
  }
}

const SIGNED = { status: 200, code: undefined }
const DENIED = { status: 403, code: 'ERR_NOT_ALLOWED' }

test.each(Object.keys(FORMS))('no %s is signed with an annotation not permitted', async (form) => {
  const sign = await start(POLICIES, FORMS[form])

  expect(await sign(undefined)).toEqual(SIGNED)
  expect(await sign({})).toEqual(SIGNED)
  expect(await sign({ team: 'web', tier: 'gold' })).toEqual(SIGNED)
  expect(await sign({ team: 'payments' })).toEqual(DENIED)
  expect(await sign({ env: 'production' })).toEqual(DENIED)
  expect(await sign({ team: 'web', env: 'production' })).toEqual(DENIED)
  expect(await sign({ Team: 'web' })).toEqual(DENIED)
  expect(await sign(JSON.parse('{"__proto__":"web"}') as Annotations)).toEqual(DENIED)
})

test('one image with an annotation that is not permitted denies the whole batch', async () => {
  const sign = await start(POLICIES)

  expect(await sign({ team: 'web' }, undefined)).toEqual(SIGNED)
  expect(await sign(undefined, { env: 'production' }, { team: 'web' })).toEqual(DENIED)
})

test('a decision for one value is not reused for another', async () => {
  const sign = await start(POLICIES)

  expect(await sign({ team: 'web' })).toEqual(SIGNED)
  expect(await sign({ team: 'payments' })).toEqual(DENIED)
  expect(await sign({ team: 'web' })).toEqual(SIGNED)
})

test('a forbid holds for an annotation whatever permits the signature', async () => {
  const sign = await start(`
permit (principal, action, resource);
forbid (principal, action == Action::"sign", resource)
when { context.annotations.hasTag("env") && context.annotations.getTag("env") == "production" };`)

  expect(await sign({ env: 'staging' })).toEqual(SIGNED)
  expect(await sign({ env: 'production' })).toEqual(DENIED)
})

test('a forbid holds for an annotation that it reaches without the context', async () => {
  const sign = await start(`
permit (principal, action, resource);
forbid (principal, action == Action::"sign", resource)
when { Annotations::"requested".hasTag("env") };`)

  expect(await sign({ team: 'web' })).toEqual(SIGNED)
  expect(await sign({ env: 'staging' })).toEqual(DENIED)
})
