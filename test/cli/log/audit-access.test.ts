/** Who reads the audit log of a service, and where the token that it takes is sent. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CountersignError } from '../../../src/errors.ts'
import { countersign } from '../../support/cli.ts'
import { signatureEntry } from '../../support/log-entries.ts'
import { startLoopbackServer } from '../../support/loopback-server.ts'
import { createPairedLogs, serveLogs } from '../../support/paired-logs.ts'
import { SETTINGS } from '../../support/service.ts'
import { LOG_KEY, TRANSPARENCY_KEY } from '../../support/signed-log.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

const env = { COUNTERSIGN_TOKEN: 'let-me-in' }
const KEYS = ['--key', LOG_KEY.vkey, '--log-key', TRANSPARENCY_KEY.vkey]

/** Every command that reads it. */
const commands = (): readonly (readonly string[])[] => [
  ['audit', 'show'],
  ['audit', 'show', '--kid', 'kid-1'],
  ['audit', 'verify', ...KEYS],
  ['audit', 'export', join(createTempFolder(), 'saved')],
]

interface Sent {
  readonly url: string
  readonly authorization: string | null
}

/** Notes every request, and sends it. */
function watched(): { readonly fetch: typeof fetch; readonly sent: readonly Sent[] } {
  const sent: Sent[] = []
  return {
    sent,
    fetch: (input, init) => {
      const { url, headers } = new Request(input, init)
      sent.push({ url, authorization: headers.get('authorization') })
      return fetch(input, init)
    },
  }
}

test('the token is sent for the audit log, and with no other request', async () => {
  const server = await serveLogs(await createPairedLogs([signatureEntry(0)]))

  for (const command of commands()) {
    const { fetch, sent } = watched()
    const result = await countersign([...command, '--server', server], { env, fetch })

    expect(result.exitCode).toBe(0)
    expect(sent.some(({ url }) => url.startsWith(`${server}/audit/`))).toBe(true)
    for (const { url, authorization } of sent) {
      const isAudit = url.startsWith(`${server}/audit/`)
      expect(authorization, url).toBe(isAudit ? 'Bearer let-me-in' : null)
    }
  }
})

test('a redirect is not followed: the token stays with the service', async () => {
  const other = await startLoopbackServer(() => ({ status: 200, body: '{}' }))
  for (const command of ['show', 'export']) {
    const server = await startLoopbackServer(() => ({
      status: 302,
      headers: { location: `${other.url}/audit/checkpoint` },
    }))
    const folder = command === 'export' ? [join(createTempFolder(), 'saved')] : []
    const args = ['audit', command, ...folder, '--server', server.url]

    const result = await countersign(args, { env })

    expect(result.exitCode).toBe(7)
    expect(result.stderr).toMatch(
      /\/audit\/(?:witnessed-)?checkpoint with status 302 \[ERR_NETWORK\]/,
    )
    expect(server.requests.length).toBeGreaterThan(0)
  }
  expect(other.requests).toEqual([])
})

test('a transparency log that is not public is compared, with the token it asks for', async () => {
  const settings = { ...SETTINGS, isLogPublic: false }
  const server = await serveLogs(await createPairedLogs([signatureEntry(0)]), { settings })
  const args = ['audit', 'verify', ...KEYS, '--server', server]

  expect(await countersign(args, { env })).toMatchObject({ exitCode: 0 })
  expect(await countersign(args)).toMatchObject({ exitCode: 8, stdout: '' })
})

test('the transparency log is read without the token of the environment', async () => {
  const server = await serveLogs(await createPairedLogs([signatureEntry(0)]))
  const { fetch, sent } = watched()

  const shown = await countersign(['log', 'show', '--server', server], { env, fetch })

  expect(shown.exitCode).toBe(0)
  expect(sent.map(({ authorization }) => authorization)).toEqual(sent.map(() => null))
})

test('a token is sent in the clear to no other machine', async () => {
  const { fetch, sent } = watched()
  for (const command of commands()) {
    const args = [...command, '--server', 'http://sign.example.com']
    const result = await countersign(args, { env, fetch })

    expect(result.exitCode).toBe(2)
    expect(result.stderr).toContain('"http://sign.example.com" is not https [ERR_USAGE]')
  }
  expect(sent).toEqual([])
})

test('without a token no request is sent for the audit log', async () => {
  const server = await serveLogs(await createPairedLogs([signatureEntry(0)]))
  for (const command of commands()) {
    const { fetch, sent } = watched()
    const result = await countersign([...command, '--server', server], { fetch })

    expect(result).toMatchObject({ exitCode: 8, stdout: '' })
    expect(result.stderr).toContain('[ERR_NOT_AUTHENTICATED]')
    expect(sent.filter(({ url }) => url.includes('/audit/'))).toEqual([])
  }
})

test('a token that the service does not accept is named as the cause', async () => {
  const server = await serveLogs(await createPairedLogs([signatureEntry(0)]))
  for (const command of commands()) {
    const result = await countersign([...command, '--server', server], {
      env: { COUNTERSIGN_TOKEN: 'expired' },
    })

    expect(result).toMatchObject({ exitCode: 8, stdout: '' })
    expect(result.stderr).toContain('[ERR_NOT_AUTHENTICATED]')
    expect(result.stderr).not.toContain('expired')
  }
})

test('a caller without readLog reads nothing', async () => {
  const asked: string[] = []
  const server = await serveLogs(await createPairedLogs([signatureEntry(0)]), {
    authorize: (_caller, { action }) => {
      asked.push(action)
      return Promise.reject(new CountersignError('ERR_NOT_ALLOWED', 'no policy permits it'))
    },
  })
  for (const command of commands()) {
    const result = await countersign([...command, '--server', server], { env })

    expect(result).toMatchObject({ exitCode: 8, stdout: '' })
    expect(result.stderr).toContain('[ERR_NOT_ALLOWED]')
    expect(result.stderr).toContain('readLog')
  }
  expect(asked.length).toBeGreaterThan(0)
  expect(new Set(asked)).toEqual(new Set(['readLog']))
})
