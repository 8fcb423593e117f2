/**
 * Providers of public keys that are published somewhere, as PEM or one JWK: each describes keys, and neither opens
 * nor makes any. The source alone decides what is trusted.
 *
 * @packageDocumentation
 */
import { assertNotCancelled } from '../basics/cancellation.ts'
import { CountersignError } from '../errors.ts'
import { type KeySource, readPublicKey } from './key-source.ts'
import { joinOr, type KeyUri, SIGNING_PROVIDERS } from './key-uri.ts'
import { disposedProvider, type KeyProvider } from './provider.ts'

/** Most bytes of a published key that are read. */
export const MAX_KEY_BYTES: number = 64 * 1024

/** Reads what is published; where it was read is named in what is wrong with it. */
export type ReadPublished = (
  uri: KeyUri,
  signal: AbortSignal | undefined,
) => Promise<readonly [KeySource, Uint8Array]>

/** Makes a provider of what a source publishes. */
export function createPublicKeySource(read: ReadPublished): KeyProvider {
  let isDisposed = false
  return {
    describe: async (uri, { algorithm, signal } = {}) => {
      if (isDisposed) throw disposedProvider('public key')
      assertNotCancelled(signal)
      const [source, content] = await read(uri, signal)
      return readPublicKey(source, content, algorithm)
    },
    open: (uri) => Promise.reject(onlyPublic(uri)),
    create: ({ uri }) => Promise.reject(onlyPublic(uri)),
    [Symbol.asyncDispose]: () => {
      isDisposed = true
      return Promise.resolve()
    },
  }
}

function onlyPublic({ scheme }: KeyUri): CountersignError {
  const message = `${scheme}: references name public keys, which sign nothing`
  return new CountersignError('ERR_OPERATION_UNSUPPORTED', message, {
    hint: `sign with a key in ${joinOr(SIGNING_PROVIDERS.map(({ title }) => title))}`,
  })
}
