import { openGcpKms } from '../../../src/providers/gcpkms/provider.ts'
import { RING, startGcpKms } from '../../support/gcpkms/emulator.ts'
import { describeProviderContract } from '../provider-contract.ts'

describeProviderContract('gcpkms', {
  algorithms: ['ES256', 'ES384', 'RS256', 'PS256', 'EdDSA', 'Ed25519'],
  // With 4096 bits alone, and the contract makes keys of 2048.
  missingInBackend: ['RS512', 'PS512'],
  hasFixedAlgorithms: true,
  supportsDigest: (algorithm) => !algorithm.startsWith('Ed'),
  setup: async () => {
    const emulator = await startGcpKms()
    return {
      provider: openGcpKms({
        env: emulator.env,
        fetch,
        now: () => new Date(),
        pause: () => Promise.resolve(),
      }),
      uriFor: (key) => ({ scheme: 'gcpkms', ring: RING, key }),
      cleanup: async () => {
        await emulator[Symbol.asyncDispose]()
      },
    }
  },
})
