/**
 * A real RFC 3161 time-stamp authority: OpenSSL's, with a certificate chain made for the test. Its
 * clock is this machine's; tests that need another time move the window, not the clock.
 *
 * @packageDocumentation
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { X509Certificate } from 'node:crypto'

/** A running authority; nothing runs between calls. */
export interface TimestampAuthority {
  /** Time-stamps a signature: a TimeStampResp, DER. */
  readonly timestamp: (signature: Uint8Array) => Promise<Uint8Array>
  /** A Sigstore trusted root that trusts this authority alone. */
  readonly trustedRoot: Uint8Array
  readonly close: () => void
}

const CONFIG = `
[req]
distinguished_name = dn
[dn]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[tsa_cert]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
default_tsa = tsa_config
[tsa_config]
serial = serial
default_policy = 1.3.6.1.4.1.57264.2
digests = sha256, sha384, sha512
signer_digest = sha256
ess_cert_id_alg = sha256
`

/** Makes an authority with a key and a chain of its own. */
export function createTimestampAuthority(): TimestampAuthority {
  const folder = mkdtempSync(join(tmpdir(), 'tsa-'))
  const openssl = (...args: readonly string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  }
  writeFileSync(join(folder, 'openssl.cnf'), CONFIG)
  writeFileSync(join(folder, 'serial'), '01')
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  // prettier-ignore
  openssl('req', '-x509', ...ec, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '30', '-subj', '/O=countersign test/CN=root', '-config', 'openssl.cnf', '-extensions', 'ca', '-set_serial', '1')
  openssl(
    'req',
    ...ec,
    '-keyout',
    'tsa.key',
    '-out',
    'tsa.csr',
    '-subj',
    '/O=countersign test/CN=tsa',
    '-config',
    '/dev/null',
  )
  // prettier-ignore
  openssl('x509', '-req', '-in', 'tsa.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-out', 'tsa.pem', '-days', '20', '-extfile', 'openssl.cnf', '-extensions', 'tsa_cert', '-set_serial', '2')
  const pem = (name: string): string => readFileSync(join(folder, name), 'utf8')
  return {
    timestamp: (signature) => {
      writeFileSync(join(folder, 'signature'), signature)
      openssl('ts', '-query', '-data', 'signature', '-sha256', '-cert', '-out', 'query')
      // prettier-ignore
      openssl('ts', '-reply', '-config', 'openssl.cnf', '-section', 'tsa_config', '-queryfile', 'query', '-signer', 'tsa.pem', '-inkey', 'tsa.key', '-out', 'reply')
      return Promise.resolve(readFileSync(join(folder, 'reply')))
    },
    trustedRoot: trustedRoot([pem('tsa.pem'), pem('ca.pem')]),
    close: () => {
      rmSync(folder, { recursive: true })
    },
  }
}

function trustedRoot(chain: readonly string[]): Uint8Array {
  const certificates = chain.map((pem) => ({
    rawBytes: new X509Certificate(pem).raw.toString('base64'),
  }))
  const authority = {
    subject: { organization: 'countersign test', commonName: 'tsa' },
    uri: 'https://tsa.example.com',
    certChain: { certificates },
    validFor: { start: '2020-01-01T00:00:00Z' },
  }
  return Buffer.from(
    JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [],
      certificateAuthorities: [],
      ctlogs: [],
      timestampAuthorities: [authority],
    }),
  )
}
