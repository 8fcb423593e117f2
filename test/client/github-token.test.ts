import { expect, test } from 'vitest'
import { requestGithubToken } from '../../src/client/github-token.ts'
import { codeOfAsync } from '../support/errors.ts'
import { type LoopbackAnswer, startLoopbackServer } from '../support/loopback-server.ts'
import { createTestRuntime } from '../support/test-runtime.ts'

const audience = 'https://sign.example.com'

/** Asks a GitHub that gives these answers one after the other, the last one for ever. */
async function ask(...answers: readonly LoopbackAnswer[]): Promise<{
  readonly token: Promise<string>
  readonly requests: readonly { readonly path: string; readonly headers: object }[]
}> {
  let next = 0
  const server = await startLoopbackServer(
    () => answers[Math.min(next++, answers.length - 1)] ?? { status: 500, body: '' },
  )
  const url = `${server.url}/token?api-version=2.0`
  const runtime = createTestRuntime()
  const token = requestGithubToken({ url, bearer: 'of the job', audience }, runtime)
  return { token, requests: server.requests }
}

test('a job asks with its request token for a token for one audience', async () => {
  const { token, requests } = await ask({ status: 200, body: '{"count":1,"value":"a.b.c"}' })

  expect(await token).toBe('a.b.c')
  expect(requests).toHaveLength(1)
  expect(requests[0]?.path).toBe('/token?api-version=2.0&audience=https%3A%2F%2Fsign.example.com')
  expect(requests[0]?.headers).toMatchObject({ authorization: 'bearer of the job' })
})

test('a transient failure is retried', async () => {
  const { token, requests } = await ask(
    { status: 503, body: '' },
    { status: 429, body: '' },
    { status: 200, body: '{"value":"a.b.c"}' },
  )

  expect(await token).toBe('a.b.c')
  expect(requests).toHaveLength(3)
})

test('a persistent failure ends after four attempts', async () => {
  const { token, requests } = await ask({ status: 503, body: '' })

  expect(await codeOfAsync(() => token)).toBe('ERR_NETWORK')
  expect(requests).toHaveLength(4)
})

test.each([
  [403, '{}', 'ERR_NOT_AUTHENTICATED'],
  [200, '{"value":""}', 'ERR_NOT_AUTHENTICATED'],
  [200, '[]', 'ERR_NOT_AUTHENTICATED'],
  [200, '<html>', 'ERR_JSON_INVALID'],
])('status %i with %s is not a token: %s', async (status, body, code) => {
  const { token, requests } = await ask({ status, body })

  expect(await codeOfAsync(() => token)).toBe(code)
  expect(requests).toHaveLength(1)
})

test('a malformed URL is reported as such', async () => {
  const request = { url: 'nowhere', bearer: 'x', audience }

  const asking = (): Promise<string> => requestGithubToken(request, createTestRuntime())
  expect(await codeOfAsync(asking)).toBe('ERR_NOT_AUTHENTICATED')
})
