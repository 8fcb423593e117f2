import { startAzureKeyVault } from '../../support/azurekms/emulator.ts'
import { azureKey, watchAzureKms } from '../../support/azurekms/provider.ts'
import { describeProviderContract } from '../provider-contract.ts'

describeProviderContract('azurekms', {
  algorithms: ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  supportsDigest: () => true,
  setup: async () => {
    const emulator = await startAzureKeyVault()
    return {
      provider: watchAzureKms(emulator.env).provider,
      uriFor: (key) => azureKey(key),
      cleanup: async () => {
        await emulator[Symbol.asyncDispose]()
      },
    }
  },
})
