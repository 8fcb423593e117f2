import { ALGORITHM_NAMES } from '../../../src/crypto/algorithms.ts'
import { openOpenBao } from '../../../src/providers/openbao/provider.ts'
import { describeOpenBao, startTransit } from '../../support/openbao.ts'
import { describeProviderContract } from '../provider-contract.ts'

describeOpenBao('with a real server', () => {
  describeProviderContract('openbao', {
    algorithms: ALGORITHM_NAMES,
    supportsDigest: (algorithm) => !algorithm.startsWith('Ed'),
    setup: async () => {
      const server = await startTransit()
      const uriFor = (key: string) => ({ scheme: 'openbao', key }) as const
      return {
        provider: openOpenBao({
          env: server.env,
          fetch,
          now: () => new Date(),
          readSecret: () => Promise.resolve(undefined),
        }),
        uriFor,
        // The mark is in the name of what is made under it, and only there.
        onceFor: (name, mark) => uriFor(name.startsWith('contract-') ? name : `${name}-${mark}`),
        cleanup: async () => {
          await server[Symbol.asyncDispose]()
        },
      }
    },
  })
})
