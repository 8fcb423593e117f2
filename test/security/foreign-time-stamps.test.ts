/** A dishonest or spoofed external time-stamp authority: nothing it returns gets into a bundle. */
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { TimestampAuthority } from '../../src/timestamp/authority.ts'
import { codeOfAsync } from '../support/errors.ts'
import { runServer, serverFolder, TOKEN } from '../support/server.ts'
import { ServiceClient, type Verdict } from '../support/service-client.ts'
import { createTestAuthority, testTrustedRoot } from '../support/time-stamps.ts'

type Answer = (authority: TimestampAuthority, query: Buffer) => Promise<Uint8Array>

const honest: Answer = async (authority, query) => (await authority.respond(query)).response

/** A server of time stamps on loopback; answers its address. */
async function startAuthority(authority: TimestampAuthority, answer: Answer): Promise<string> {
  const server = createServer((request, response) => {
    void request.toArray().then(async (chunks: Buffer[]) => {
      const body = await answer(authority, Buffer.concat(chunks))
      response.writeHead(200, { 'content-type': 'application/timestamp-reply' }).end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}`
}

const trusted = createTestAuthority('ES256', () => new Date())

/** What a service answers that has its time stamps from an authority. */
async function signWith(
  authority: TimestampAuthority,
  answer = honest,
  hasRoot = true,
): Promise<Verdict> {
  const address = await startAuthority(authority, answer)
  const trust = hasRoot ? 'trust: { trustedRoot: root.json }\n' : ''
  const folder = serverFolder(`timestamps: ${address}\n${trust}`)
  writeFileSync(join(folder.folder, 'root.json'), testTrustedRoot(trusted))
  const server = await runServer(folder)
  const client = new ServiceClient({ address: server.address, authorization: `Bearer ${TOKEN}` })
  return client.signOne()
}

test('a time stamp of a trusted authority over this signature at this time is released', async () => {
  expect(await signWith(trusted.authority)).toEqual({ status: 200, code: undefined })
})

const wrongTime = (byMs: number): TimestampAuthority =>
  createTestAuthority('ES256', () => new Date(Date.now() + byMs)).authority
const other = createTestAuthority('ES256', () => new Date(), 'other').authority

test('a time stamp of an authority that is not trusted is not released', async () => {
  expect(await signWith(other)).toEqual({ status: 503, code: 'ERR_PROVIDER_UNAVAILABLE' })
})

test.each<[string, TimestampAuthority, Answer?]>([
  ['a time an hour ago', wrongTime(-3_600_000)],
  ['a time in an hour', wrongTime(3_600_000)],
  [
    'another signature',
    trusted.authority,
    async (tsa) => (await tsa.stampSignature(Buffer.from('another'))).response,
  ],
  [
    'a signature that was changed',
    trusted.authority,
    async (tsa, query) => {
      const response = Buffer.from(await honest(tsa, query))
      response.writeUInt8(response.readUInt8(response.length - 1) ^ 1, response.length - 1)
      return response
    },
  ],
])('a time stamp of %s is not released, trusted root or not', async (_, authority, answer) => {
  const refused = { status: 503, code: 'ERR_PROVIDER_UNAVAILABLE' }

  expect(await signWith(authority, answer)).toEqual(refused)
  expect(await signWith(authority, answer, false)).toEqual(refused)
})

test('a service whose trusted root has no authority does not start', async () => {
  const folder = serverFolder(
    'timestamps: https://tsa.example.com\ntrust: { trustedRoot: root.json }\n',
  )
  const root = JSON.parse(Buffer.from(testTrustedRoot(trusted)).toString('utf8')) as object
  const none = JSON.stringify({ ...root, timestampAuthorities: [] })
  writeFileSync(join(folder.folder, 'root.json'), none)

  expect(await codeOfAsync(() => runServer(folder))).toBe('ERR_CONFIG_INVALID')
})

test('a service without a trusted root takes time stamps over plain http, and warns', async () => {
  const address = await startAuthority(trusted.authority, honest)
  const server = await runServer(serverFolder(`timestamps: ${address}\n`))
  const client = new ServiceClient({ address: server.address, authorization: `Bearer ${TOKEN}` })

  expect(await client.signOne()).toEqual({ status: 200, code: undefined })
  expect(server.warnings.join()).toContain(`time stamps of ${address} are not held against`)
})
