import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ALGORITHM_NAMES } from '../../../src/crypto/algorithms.ts'
import { createFileProvider } from '../../../src/providers/file/provider.ts'
import { describeProviderContract } from '../provider-contract.ts'

describeProviderContract('file', {
  algorithms: ALGORITHM_NAMES,
  supportsDigest: (algorithm) => /^(ES|RS)/.test(algorithm),
  placeWeakRsaKey: (uri) => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
    if (uri.scheme === 'file') writeFileSync(uri.path, pem)
    return Promise.resolve()
  },
  setup: () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-test-'))
    return Promise.resolve({
      provider: createFileProvider({ readPassphrase: () => Promise.resolve(undefined) }),
      uriFor: (name) => ({ scheme: 'file', path: join(folder, `${name}.pem`) }),
      cleanup: () => {
        rmSync(folder, { recursive: true, force: true })
      },
    })
  },
})
