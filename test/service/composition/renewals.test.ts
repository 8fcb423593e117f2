/** Files that are renewed while the service runs: taken without a restart, and never where they cannot be used. */
import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { createPostgres } from '../../support/postgres.ts'
import {
  runServer,
  type ServerFolder,
  serverFolder,
  type TestServer,
} from '../../support/server.ts'
import { startServiceProcess } from '../../support/service-process.ts'
import { writeServiceFolder } from '../../support/service-folder.ts'
import { createTempFolder } from '../../support/temp-folder.ts'
import { createCertificate } from '../../support/tls-server.ts'

interface TlsFolder extends ServerFolder {
  readonly certificate: string
  readonly key: string
}

/** A service's folder with the files of a certificate. */
function tlsFolder(): TlsFolder & { readonly write: (files: TlsPair) => void } {
  const { env, ...folder } = serverFolder()
  const [certificate, key] = [join(folder.folder, 'tls.crt'), join(folder.folder, 'tls.key')]
  const write = (files: TlsPair): void => {
    writeFileSync(certificate, files.certificate)
    writeFileSync(key, files.key)
  }
  write(createCertificate())
  const named = {
    COUNTERSIGN_SERVE_TLS_CERTIFICATE: certificate,
    COUNTERSIGN_SERVE_TLS_KEY: key,
  }
  return { ...folder, certificate, key, write, env: { ...env, ...named } }
}

type TlsPair = ReturnType<typeof createCertificate>

/** Fingerprint of the certificate that new clients get. */
function presented(address: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const options = { port: Number(new URL(address).port), rejectUnauthorized: false }
    const socket = connect(options, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256)
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

const fingerprintOf = ({ certificate }: TlsPair): string =>
  new X509Certificate(certificate).fingerprint256

/** Lines of the log since the last call that match. */
function logged({ lines }: TestServer, pattern: RegExp): readonly string[] {
  return lines.filter((line) => pattern.test(line))
}

test('a renewed certificate is given to new clients, and the log says so', async () => {
  const folder = tlsFolder()
  const server = await runServer(folder)
  const renewed = createCertificate()
  folder.write(renewed)

  await server.renew()

  expect(await presented(server.address)).toBe(fingerprintOf(renewed))
  expect(logged(server, /renewed: serve\.tls/)).toHaveLength(1)
})

test.each<[string, (pair: TlsPair) => TlsPair]>([
  [
    'the key of another certificate',
    ({ certificate }) => ({ certificate, key: createCertificate().key }),
  ],
  [
    'a certificate that is cut off',
    ({ certificate, key }) => ({ certificate: certificate.slice(0, -100), key }),
  ],
  [
    'a chain that is cut off behind its first certificate',
    ({ certificate, key }) => ({ certificate: certificate + certificate.slice(0, 200), key }),
  ],
  ['an empty key', ({ certificate }) => ({ certificate, key: '' })],
])('files with %s are not loaded, and the log has an error', async (_, spoil) => {
  const folder = tlsFolder()
  const server = await runServer(folder)
  const before = await presented(server.address)
  const renewed = createCertificate()
  folder.write(spoil(renewed))

  await server.renew()

  expect(await presented(server.address)).toBe(before)
  expect(logged(server, /"level":50.*ERR_CONFIG_INVALID.*serve\.tls/)).toHaveLength(1)

  folder.write(renewed)
  await server.renew()
  expect(await presented(server.address)).toBe(fingerprintOf(renewed))
})

test('SIGHUP renews, and neither it nor a broken file ends the process', async () => {
  const folder = tlsFolder()
  await using service = await startServiceProcess(folder, { args: [] })
  const renewed = createCertificate()

  writeFileSync(folder.certificate, 'not a certificate')
  process.kill(service.pid, 'SIGHUP')
  await expect.poll(service.log, { timeout: 30_000 }).toMatch(/ERR_CONFIG_INVALID.*serve\.tls/)
  folder.write(renewed)
  process.kill(service.pid, 'SIGHUP')
  await expect.poll(service.log, { timeout: 30_000 }).toMatch(/SIGHUP: renewed: serve\.tls/)

  expect(await presented(service.url)).toBe(fingerprintOf(renewed))
  expect(service.log()).toContain('read at the start only')
  await service.kill()
})

test('connections to PostgreSQL trust the authority that its file names now', async () => {
  const [first, second] = [createCertificate(), createCertificate()]
  const server = await createPostgres({ tls: first })
  onTestFinished(() => server.stop())
  const folder = createTempFolder()
  const ca = join(folder, 'db-ca.pem')
  writeFileSync(ca, first.certificate)
  const bare = (await server.createDatabase()).replace('127.0.0.1', 'localhost')
  const store = `${bare}?sslmode=verify-full&sslrootcert=${ca}`
  const keys = { release: { use: 'artifact' } } as const
  const service = await runServer(writeServiceFolder({ folder, store, keys }), { migrate: true })
  const isReady = async (): Promise<number> => (await fetch(`${service.address}/readyz`)).status

  await server.changeCertificate(second)
  expect(await isReady()).toBe(503)
  writeFileSync(ca, second.certificate.slice(0, 100))
  await service.renew()
  expect(await isReady()).toBe(503)
  writeFileSync(ca, second.certificate)
  await service.renew()

  await expect.poll(isReady, { timeout: 20_000 }).toBe(200)
  expect(logged(service, /"level":50.*sslrootcert/)).toHaveLength(1)
  // Before its database.
  await service[Symbol.asyncDispose]()
})
