import { generateKeyPairSync } from 'node:crypto'
import { vi } from 'vitest'
import { ALGORITHM_NAMES } from '../../../src/crypto/algorithms.ts'
import { createAwsKmsProvider } from '../../../src/providers/awskms/provider.ts'
import { type KmsDouble, startKmsDouble } from '../../support/kms/double.ts'
import { stubKmsEnvironment } from '../../support/kms/stub-environment.ts'
import { describeProviderContract } from '../provider-contract.ts'

const doubles = new Map<string | undefined, KmsDouble>()

describeProviderContract('awskms', {
  algorithms: ALGORITHM_NAMES,
  supportsDigest: (algorithm) => !algorithm.startsWith('Ed'),
  placeWeakRsaKey: async (uri) => {
    if (uri.scheme !== 'awskms') return
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const double = doubles.get(uri.endpoint)
    const key = await double?.addKey({ spec: 'RSA_2048', privateKey })
    if (key !== undefined) double?.setAlias(uri.keyId, key)
  },
  setup: async () => {
    const double = await startKmsDouble()
    doubles.set(double.endpoint, double)
    stubKmsEnvironment(double.credentials)
    return {
      provider: createAwsKmsProvider({ delay: () => Promise.resolve() }),
      uriFor: (name) => ({
        scheme: 'awskms',
        endpoint: double.endpoint,
        keyId: `alias/${name}`,
      }),
      cleanup: async () => {
        vi.unstubAllEnvs()
        await double.close()
      },
    }
  },
})
