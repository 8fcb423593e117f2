/**
 * Makes calls with modules that are loaded into this process.
 *
 * @packageDocumentation
 */
import { assertNotCancelled } from '../../../basics/cancellation.ts'
import { parsePublicKeySpki, type PublicKeyInfo } from '../../../crypto/public-key.ts'
import type { SigningBackend } from '../../../signing/signer.ts'
import type {
  AnswerOf,
  CallName,
  PlainPublicKey,
  RequestOf,
  TokenCaller,
  TokenCalls,
} from '../calls.ts'
import { type Pkcs11Uri, serializePkcs11Uri, withoutPin } from '../uri.ts'
import { createTokenBackend } from './backend.ts'
import { Connections } from './connections.ts'
import { destroyKey } from './destroy.ts'
import { importWrappedKey, makeWrappingKey } from './import-key.ts'
import { type LoadModule, loadModule } from './module.ts'
import { createKeyOnce } from './new-key.ts'
import { describeTokenKey, type KeyOnToken, pinTokenKey } from './open-key.ts'
import type { Refusals } from './pin.ts'

/** What calls in this process need. */
export interface NativeOptions {
  /** Finds the PIN for a URI, with the label of its token; called for each login. */
  readonly readPin: (uri: Pkcs11Uri, label: string) => Promise<string | undefined>
  /** Sessions per token at the most, so signatures at one time. */
  readonly maxSessions: number
  /** PINs that were refused before; default: none. */
  readonly refusals?: Refusals | undefined
  /** Hears whether a person is to enter a PIN at the token now, which holds up this thread. */
  readonly onPinPad?: ((isWaiting: boolean) => void) | undefined
  /** Default: load it into this process through pkcs11js. */
  readonly loadModule?: LoadModule | undefined
}

type Handlers = {
  readonly [Name in CallName]: (
    request: RequestOf<Name>,
    signal: AbortSignal | undefined,
  ) => Promise<TokenCalls[Name]['answer']>
}

/** Opens modules and tokens as calls need them, and closes all of them when it is disposed. */
export function createNativeCaller(options: NativeOptions): TokenCaller {
  const connections = new Connections({
    maxSessions: options.maxSessions,
    refusals: options.refusals ?? new Set(),
    onPinPad: options.onPinPad ?? (() => undefined),
    loadModule: options.loadModule ?? loadModule,
  })
  const handlers = createHandlers(connections, options)
  return {
    async call<Name extends CallName>(
      name: Name,
      request: RequestOf<Name>,
      signal?: AbortSignal,
    ): Promise<AnswerOf<Name>> {
      connections.assertOpen()
      assertNotCancelled(signal)
      return handlers[name](request, signal)
    },
    [Symbol.asyncDispose]: () => connections.close(),
  }
}

function createHandlers(connections: Connections, { readPin }: NativeOptions): Handlers {
  /** Backends keep the handle of their key, so each pinned key has one. */
  const backends = new Map<string, SigningBackend>()

  async function connect(uri: Pkcs11Uri): Promise<KeyOnToken> {
    const connection = await connections.open(uri)
    return { connection, name: uri, pin: () => readPin(uri, connection.token.label) }
  }

  async function findBackend(uri: Pkcs11Uri, publicKey: PublicKeyInfo): Promise<SigningBackend> {
    const { kid, algorithm } = publicKey
    const id = JSON.stringify([serializePkcs11Uri(withoutPin(uri)), kid, algorithm.name])
    const known = backends.get(id)
    if (known !== undefined) return known
    const backend = createTokenBackend({ ...(await connect(uri)), publicKey })
    backends.set(id, backend)
    return backend
  }

  return {
    loadModule: async ({ uri }) => {
      await connections.openModule(uri)
      return null
    },
    findToken: async ({ uri }) => {
      const { label, serial, slotId } = (await connect(uri)).connection.token
      return `token "${label}", serial ${serial}, slot-id ${slotId}`
    },
    logIn: async ({ uri }, signal) => {
      const { connection, pin } = await connect(uri)
      await connection.run({ operation: 'logging in', pin, signal }, () => undefined)
      return null
    },
    describe: async ({ uri, algorithm }, signal) =>
      toPlain(await describeTokenKey(await connect(uri), { algorithm, signal })),
    open: async ({ uri, algorithm }, signal) => {
      const { publicKey, name } = await pinTokenKey(await connect(uri), { algorithm, signal })
      return { ...toPlain(publicKey), ...name }
    },
    sign: async ({ uri, publicKey, input }, signal) => {
      const backend = await findBackend(uri, fromPlain(publicKey))
      const sign = backend.signDigest ?? backend.signMessage
      if (sign === undefined) throw new TypeError('a signing backend needs a way to sign')
      return sign(input, { signal })
    },
    create: async (request, signal) => createKeyOnce(await connect(request.uri), request, signal),
    importParameters: async ({ uri }, signal) => makeWrappingKey(await connect(uri), signal),
    importMaterial: async (request, signal) =>
      importWrappedKey(await connect(request.uri), request, fromPlain(request.publicKey), signal),
    destroy: async ({ uri, publicKey }) => {
      await destroyKey(await connect(uri), fromPlain(publicKey))
      return null
    },
    keepAlive: () => {
      connections.keepAlive()
      return Promise.resolve(null)
    },
  }
}

function toPlain({ spki, algorithm }: PublicKeyInfo): PlainPublicKey {
  return { spki, algorithm: algorithm.name }
}

function fromPlain({ spki, algorithm }: PlainPublicKey): PublicKeyInfo {
  return parsePublicKeySpki(spki, algorithm)
}
