import { generateKeyPairSync } from 'node:crypto'
import { afterAll } from 'vitest'
import { ALGORITHM_NAMES } from '../../../src/crypto/algorithms.ts'
import { createPkcs11Provider } from '../../../src/providers/pkcs11/provider.ts'
import { createSoftHsm } from '../../support/softhsm.ts'
import { describeProviderContract } from '../provider-contract.ts'

const hsm = createSoftHsm(['contract'])
const [token] = hsm.tokens

describeProviderContract('pkcs11', {
  algorithms: ALGORITHM_NAMES,
  supportsDigest: (algorithm) => !algorithm.startsWith('Ed'),
  placeWeakRsaKey: (uri) => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    if (uri.scheme === 'pkcs11') hsm.importKey(token, pem, uri.object ?? '', 'beef')
    return Promise.resolve()
  },
  setup: () =>
    Promise.resolve({
      provider: createPkcs11Provider({
        env: process.env,
        readPin: () => Promise.resolve(token.pin),
      }),
      uriFor: token.uriFor,
      onceFor: (name, mark) => ({ ...token.uriFor(name), id: Buffer.from(mark, 'hex') }),
      cleanup: () => undefined,
    }),
})

afterAll(hsm.remove)
