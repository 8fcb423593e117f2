/** A server for `localhost` whose certificate only the test knows. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { listen } from './raw-server.ts'
import { createTempFolder } from './temp-folder.ts'

/** A server that speaks TLS. */
export interface TlsServer {
  readonly url: URL
  /** Its certificate, signed by itself, PEM. */
  readonly certificate: string
}

/** Starts a server on a free port, closed when the running test ends. */
export async function startTlsServer(listener: RequestListener): Promise<TlsServer> {
  const { certificate, key } = createCertificate()
  const port = await listen(createServer({ key, cert: certificate }, listener), 'localhost')
  return { url: new URL(`https://localhost:${port}/`), certificate }
}

/** Makes a certificate for a host, signed by itself, and its private key, both PEM. */
export function createCertificate(host = 'localhost'): {
  readonly certificate: string
  readonly key: string
} {
  const folder = createTempFolder()
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const name = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`, '-days', '2']
  const run = spawnSync('openssl', [...request, ...name, '-keyout', key, '-out', certificate])
  if (run.status !== 0) throw new Error('openssl is missing: apt-get install openssl')
  return { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') }
}
