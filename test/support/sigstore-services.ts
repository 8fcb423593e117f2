import { execFileSync } from 'node:child_process'
import { createHash, createPublicKey } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type LoopbackAnswer, type LoopbackServer, startLoopbackServer } from './loopback-server.ts'
import { createTempFolder } from './temp-folder.ts'

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')

/** An identity token in the right form, with a signature that is nonsense: this certificate authority takes it. */
export const UNTRUSTED_TOKEN: string = [
  encode({ alg: 'none' }),
  encode({ sub: 'me', aud: 'sigstore' }),
  'c2lnbmF0dXJl',
].join('.')

/** What a Sigstore instance answers in place of what it should. */
export interface SigstoreFaults {
  readonly certificate?: LoopbackAnswer
  readonly log?: LoopbackAnswer
}

/** A certificate authority and a log on 127.0.0.1, and the signing config that names them. */
export interface SigstoreServices {
  readonly server: LoopbackServer
  readonly signingConfig: string
}

/**
 * Starts a Fulcio and a Rekor that answer in the right form but are not trusted, so what is made with
 * them does not verify.
 */
export async function startSigstoreServices(
  faults: SigstoreFaults = {},
): Promise<SigstoreServices> {
  const server = await startLoopbackServer(({ path, body }) => {
    if (path === '/api/v2/signingCert') return faults.certificate ?? issueCertificate(body)
    if (path === '/api/v1/log/entries') return faults.log ?? logEntry(body)
    return { status: 404 }
  })
  const service = {
    url: server.url,
    majorApiVersion: 1,
    validFor: { start: '2020-01-01T00:00:00Z' },
    operator: 'test',
  }
  const config = {
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    caUrls: [service],
    rekorTlogUrls: [service],
    rekorTlogConfig: { selector: 'ANY' },
  }
  const signingConfig = join(createTempFolder(), 'signing_config.json')
  writeFileSync(signingConfig, JSON.stringify(config))
  return { server, signingConfig }
}

/** A certificate for the public key of a request, by openssl. */
function issueCertificate(body: Buffer): LoopbackAnswer {
  const { publicKeyRequest } = JSON.parse(body.toString('utf8')) as {
    publicKeyRequest: { publicKey: { content: string } }
  }
  const folder = createTempFolder()
  const path = (name: string): string => join(folder, name)
  const publicKey = createPublicKey(publicKeyRequest.publicKey.content)
  writeFileSync(path('key.pub'), publicKey.export({ type: 'spki', format: 'pem' }))
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { stdio: 'ignore' })
  }
  const ca = ['-keyout', path('ca.key'), '-out', path('ca.pem'), '-subj', '/CN=test']
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', ...ca)
  const request = ['-key', path('ca.key'), '-subj', '/CN=leaf', '-out', path('leaf.csr')]
  openssl('req', '-new', ...request)
  const leaf = ['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-out', path('leaf.pem')]
  openssl('x509', '-req', '-in', path('leaf.csr'), '-force_pubkey', path('key.pub'), ...leaf)
  const certificates = ['leaf.pem', 'ca.pem'].map((name) => readFileSync(path(name), 'utf8'))
  const answer = { signedCertificateEmbeddedSct: { chain: { certificates } } }
  return { status: 201, body: JSON.stringify(answer) }
}

function logEntry(body: Buffer): LoopbackAnswer {
  const entry = body.toString('base64')
  const hash = createHash('sha256').update(body).digest('hex')
  const verification = {
    signedEntryTimestamp: Buffer.from('promise').toString('base64'),
    inclusionProof: { logIndex: 0, rootHash: hash, treeSize: 1, hashes: [], checkpoint: 'none' },
  }
  const found = {
    body: entry,
    integratedTime: 1_790_000_000,
    logID: hash,
    logIndex: 0,
    verification,
  }
  return { status: 201, body: JSON.stringify({ [hash]: found }) }
}
