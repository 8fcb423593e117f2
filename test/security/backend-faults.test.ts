/** Faults of the service's own keys and logins: who is blamed, and what callers see. */
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CountersignError, ERROR_TRAITS, type ErrorCode } from '../../src/errors.ts'
import { OpenSigners } from '../../src/rotation/open-signers.ts'
import { toProblem } from '../../src/service/http/problem.ts'
import { assertDigestSigner } from '../../src/signing/signer.ts'
import { runServer, serverFolder, TOKEN } from '../support/server.ts'
import { serviceVersion } from '../support/service-keys.ts'
import { testSigner } from '../support/signers.ts'

const SECRET =
  'arn:aws:sts::111122223333:assumed-role/signer may not kms:Sign /etc/countersign/keys'
const CODES = (Object.keys(ERROR_TRAITS) as ErrorCode[]).filter((code) => code !== 'ERR_CANCELLED')
const signer = testSigner()
const VERSION = serviceVersion('release', signer)

test.each(CODES)('%s of a backend is a fault of the service, not of the caller', async (code) => {
  const fails = (): Promise<never> =>
    Promise.reject(new CountersignError(code, SECRET, { hint: SECRET }))
  const opening = new OpenSigners(fails)
  const signing = new OpenSigners(() =>
    Promise.resolve({ ...signer, sign: fails, signDigest: fails }),
  )
  const opened = await signing.open(VERSION)
  assertDigestSigner(opened)
  const calls = [
    opening.open(VERSION),
    opened.sign(new Uint8Array()),
    opened.signDigest(new Uint8Array(32)),
  ]

  const outcomes = await Promise.allSettled(calls)
  const reasons = outcomes.map((each): unknown => each.status === 'rejected' && each.reason)
  expect(reasons.every((reason) => CountersignError.is(reason))).toBe(true)
  for (const reason of reasons) {
    const problem = toProblem(reason, 'request-1')
    // A quota of the backend is used up by callers: that one is theirs to wait for.
    expect(problem.status).toBeGreaterThanOrEqual(code === 'ERR_THROTTLED' ? 429 : 500)
    expect(JSON.stringify(problem)).not.toMatch(/arn:|111122223333|assumed-role|\/etc/)
  }
})

test('a missing key file is a fault of the service, and its path is only in the log', async () => {
  const folder = serverFolder()
  await (await runServer(folder))[Symbol.asyncDispose]()
  renameSync(join(folder.folder, 'keys', 'release-1.pem'), join(folder.folder, 'away.pem'))
  const server = await runServer(folder)

  const answer = await fetch(`${server.address}/v1/keys/release/signatures`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ artifacts: [{ digest: `sha256:${'a'.repeat(64)}`, kind: 'file' }] }),
  })

  const body = await answer.text()
  expect(answer.status).toBe(503)
  expect(JSON.parse(body)).toMatchObject({ code: 'ERR_PROVIDER_UNAVAILABLE', retryable: true })
  expect(body).not.toContain(folder.folder)
  const errors = server.lines.filter((line) => line.includes('"level":50'))
  expect(errors.some((line) => line.includes('release-1.pem'))).toBe(true)
})
