/** Our awskms provider on an emulator whose authors never saw it, held to the contract of all providers. */
import { vi } from 'vitest'
import { ALGORITHM_NAMES } from '../../../src/crypto/algorithms.ts'
import { createAwsKmsProvider } from '../../../src/providers/awskms/provider.ts'
import { LOCALSTACK } from '../../../tools/interop/peers.ts'
import { describeProviderContract } from '../../providers/provider-contract.ts'
import { stubKmsEnvironment } from '../../support/kms/stub-environment.ts'
import { describeWith } from '../support/needs.ts'
import { startLocalstack } from '../support/servers.ts'

describeWith('awskms on localstack', [LOCALSTACK], () => {
  describeProviderContract('awskms', {
    algorithms: ALGORITHM_NAMES.filter((algorithm) => !algorithm.startsWith('Ed')),
    missingInBackend: ['EdDSA', 'Ed25519'],
    supportsDigest: () => true,
    setup: async () => {
      const server = await startLocalstack()
      stubKmsEnvironment({ accessKeyId: 'any', secretAccessKey: 'any' })
      return {
        provider: createAwsKmsProvider(),
        uriFor: (name) => ({
          scheme: 'awskms',
          endpoint: server.host,
          keyId: `alias/${name}`,
          region: 'eu-west-1',
        }),
        cleanup: async () => {
          vi.unstubAllEnvs()
          await server.stop()
        },
      }
    },
  })
})
