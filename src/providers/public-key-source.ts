/**
 * Public keys that are somewhere in plain sight: `env://NAME`, `https://host/kid.pem`. For
 * verification only; whoever controls the variable or the host decides what is trusted.
 *
 * @packageDocumentation
 */
import { assertNotCancelled } from '../cancellation.ts'
import { CountersignError } from '../errors.ts'
import { type KeyPlace, readPublicKey, variablePlace, webPlace } from './key-place.ts'
import type { EnvUri, KeyUri } from './key-uri.ts'
import { disposedProvider, type KeyProvider } from './provider.ts'
import { readWeb } from './web-text.ts'

/** What public keys are read through. */
export interface PublicKeySourceOptions {
  /** The environment, as far as it may be read. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly fetch: typeof fetch
  /** Time for a whole answer with its redirects, in ms; default 10 000. */
  readonly timeoutMs?: number
}

const MAX_BYTES = 64 * 1024

/**
 * A provider of public keys, as PEM or one JWK: describes them, and neither opens nor makes any. Web
 * answers are at most 64 KiB, and redirects are followed on the same origin only.
 */
export function createPublicKeySource(options: PublicKeySourceOptions): KeyProvider {
  let isDisposed = false

  async function read(
    uri: KeyUri,
    signal: AbortSignal | undefined,
  ): Promise<readonly [KeyPlace, Uint8Array]> {
    switch (uri.scheme) {
      case 'env':
        return [variablePlace(uri.name), Buffer.from(readVariable(uri, options.env))]
      case 'https':
        return [
          webPlace(uri.url),
          await readWeb(uri.url, { ...options, signal, maxBytes: MAX_BYTES }),
        ]
      case 'file':
      case 'awskms':
      case 'pkcs11':
        throw new TypeError(`an env: or https: reference is needed, not ${uri.scheme}:`)
    }
  }

  function assertUsable(signal: AbortSignal | undefined): void {
    if (isDisposed) throw disposedProvider('public key')
    assertNotCancelled(signal)
  }

  return {
    describe: async (uri, { algorithm, signal } = {}) => {
      assertUsable(signal)
      const [place, content] = await read(uri, signal)
      return readPublicKey(place, content, algorithm)
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
    hint: 'sign with a file, pkcs11: or awskms: key',
  })
}

function readVariable({ name }: EnvUri, env: PublicKeySourceOptions['env']): string {
  const text = env[name]
  if (text !== undefined && text.trim() !== '') return text
  throw new CountersignError('ERR_KEY_NOT_FOUND', `the environment has no key in ${name}`, {
    hint: `set it to the public key: export ${name}="$(cat key.pub)"`,
  })
}
