/** `serve.tls`: the service does TLS by itself, with a certificate that only the test knows. */
import { writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { connect, type SecureVersion } from 'node:tls'
import { expect, test } from 'vitest'
import { codeOfAsync } from '../support/errors.ts'
import { runServer, type ServerFolder, serverFolder } from '../support/server.ts'
import { createCertificate } from '../support/tls-server.ts'

/** A service's folder with the files of its certificate in it. */
function tlsFolder(files: { readonly certificate: string; readonly key: string }): ServerFolder {
  const { env, ...folder } = serverFolder()
  const [certificate, key] = [join(folder.folder, 'tls.crt'), join(folder.folder, 'tls.key')]
  writeFileSync(certificate, files.certificate)
  writeFileSync(key, files.key, { mode: 0o600 })
  const named = {
    COUNTERSIGN_SERVE_TLS_CERTIFICATE: certificate,
    COUNTERSIGN_SERVE_TLS_KEY: key,
  }
  return { ...folder, env: { ...env, ...named } }
}

/** Status and security header of an answer over TLS. */
function get(
  address: string,
  ca: string,
): Promise<{ readonly status: number | undefined; readonly hsts: string | undefined }> {
  const url = new URL('/readyz', address.replace('127.0.0.1', 'localhost'))
  return new Promise((resolve, reject) => {
    request(url, { ca }, (answer) => {
      answer.resume()
      resolve({
        status: answer.statusCode,
        hsts: answer.headers['strict-transport-security'],
      })
    })
      .on('error', reject)
      .end()
  })
}

/** The protocol a client gets that speaks one version of TLS only. */
function negotiate(address: string, version: SecureVersion): Promise<string | null> {
  const { port } = new URL(address)
  return new Promise((resolve, reject) => {
    const range = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' }
    const socket = connect({ port: Number(port), rejectUnauthorized: false, ...range }, () => {
      resolve(socket.getProtocol())
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

test('the service answers over TLS with its certificate, and over nothing older than 1.2', async () => {
  const files = createCertificate()
  const { address } = await runServer(tlsFolder(files))

  expect(address).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
  expect(await get(address, files.certificate)).toEqual({
    status: 200,
    hsts: expect.stringContaining('max-age=') as string,
  })
  expect(await negotiate(address, 'TLSv1.3')).toBe('TLSv1.3')
  expect(await negotiate(address, 'TLSv1.2')).toBe('TLSv1.2')
  await expect(negotiate(address, 'TLSv1.1')).rejects.toThrow()
  await expect(fetch(address.replace('https:', 'http:'))).rejects.toThrow()
})

test.each<readonly [string, (files: ReturnType<typeof createCertificate>) => typeof files, string]>(
  [
    [
      'the key of another certificate',
      (files) => ({ ...files, key: createCertificate().key }),
      'not that of',
    ],
    ['a malformed certificate', (files) => ({ ...files, certificate: 'none' }), 'no certificate'],
    ['a malformed key', (files) => ({ ...files, key: files.certificate }), 'no private key'],
  ],
)('%s is a mistake in the configuration, and names the file', async (_what, change, why) => {
  const folder = tlsFolder(change(createCertificate()))

  expect(await codeOfAsync(() => runServer(folder))).toBe('ERR_CONFIG_INVALID')
  await expect(runServer(folder)).rejects.toThrow(why)
})

test('one of the two files alone is a mistake in the configuration', async () => {
  const { env, ...folder } = tlsFolder(createCertificate())
  const alone = Object.entries(env).filter(([name]) => name !== 'COUNTERSIGN_SERVE_TLS_KEY')

  await expect(runServer({ ...folder, env: Object.fromEntries(alone) })).rejects.toMatchObject({
    code: 'ERR_CONFIG_INVALID',
    message: 'serve.tls has no key',
  })
})
