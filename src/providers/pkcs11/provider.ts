/**
 * Keys on PKCS#11 tokens: HSMs, smart cards, SoftHSM.
 *
 * @packageDocumentation
 */
import { assertNotCancelled } from '../../basics/cancellation.ts'
import { createSigner } from '../../signing/signer.ts'
import type { KeyDestroyer, KeyPinning, RepeatableCreation } from '../key-lifecycle.ts'
import type { KeyUri } from '../key-uri.ts'
import type { KeyDiagnostics, KeyProvider } from '../provider.ts'
import type { Surroundings } from '../surroundings.ts'
import { createTokenBackend } from './backend.ts'
import { Connections } from './connections.ts'
import { destroyKey } from './destroy.ts'
import { diagnoseKey } from './diagnose.ts'
import { type LoadModule, loadModule } from './module.ts'
import type { ModuleSearch } from './module-path.ts'
import { createKey, createKeyOnce } from './new-key.ts'
import { assertKeyPairUri, describeTokenKey, type KeyOnToken, pinTokenKey } from './open-key.ts'
import { type ReadPin, readUriPin, withoutLineEnds } from './pin.ts'
import { type Pkcs11Uri, withoutPin } from './uri.ts'

/** Where PINs and modules come from where a URI does not say; the provider never looks itself. */
export interface Pkcs11ProviderOptions extends ModuleSearch {
  readonly readPin: ReadPin
  /** Sessions per token at the most, so signatures at one time; default 8. */
  readonly maxSessions?: number | undefined
  /** Default: load it into this process through pkcs11js. */
  readonly loadModule?: LoadModule | undefined
}

const DEFAULT_MAX_SESSIONS = 8

/** Opens keys on tokens, with the PIN and the module that the environment or a person names. */
export function openPkcs11({
  env,
  readSecret,
}: Pick<Surroundings, 'env' | 'readSecret'>): Pkcs11Keys {
  const modulePath = env['COUNTERSIGN_PKCS11_MODULE']
  return createPkcs11Provider({
    readPin: (token) =>
      readSecret({ variable: 'COUNTERSIGN_PKCS11_PIN', prompt: `PIN of the token "${token}": ` }),
    defaultModulePath: modulePath === '' ? undefined : modulePath,
  })
}

/** What can be done with keys on tokens. */
type Pkcs11Keys = KeyProvider & KeyDiagnostics & RepeatableCreation & KeyPinning & KeyDestroyer

/** Opens keys named by PKCS#11 URIs. Modules are loaded, and tokens logged in to, when first needed. */
export function createPkcs11Provider(options: Pkcs11ProviderOptions): Pkcs11Keys {
  const connections = new Connections({
    ...options,
    loadModule: options.loadModule ?? loadModule,
    maxSessions: options.maxSessions ?? DEFAULT_MAX_SESSIONS,
  })

  function admit(uri: KeyUri, signal: AbortSignal | undefined): Pkcs11Uri {
    connections.assertOpen()
    assertNotCancelled(signal)
    assertKeyPairUri(uri)
    return uri
  }

  async function connect(uri: Pkcs11Uri): Promise<KeyOnToken> {
    const connection = await connections.open(uri)
    const pin = async (): Promise<string | undefined> =>
      (await readUriPin(uri)) ?? withoutLineEnds(await options.readPin(connection.token.label))
    return { connection, name: uri, pin }
  }

  return {
    async describe(uri, keyOptions = {}) {
      return describeTokenKey(await connect(admit(uri, keyOptions.signal)), keyOptions)
    },
    async open(uri, keyOptions = {}) {
      const pinned = await pinTokenKey(await connect(admit(uri, keyOptions.signal)), keyOptions)
      return createSigner(pinned.publicKey, createTokenBackend(pinned))
    },
    async create(request) {
      const uri = admit(request.uri, request.signal)
      const id = await createKey(await connect(uri), request)
      return { ...withoutPin(uri), id }
    },
    async createOnce(request) {
      const uri = admit(request.uri, request.signal)
      const id = await createKeyOnce(await connect(uri), request)
      return { ...withoutPin(uri), id }
    },
    async pin(uri, keyOptions = {}) {
      const named = admit(uri, keyOptions.signal)
      const { name } = await pinTokenKey(await connect(named), keyOptions)
      return { ...withoutPin(named), ...name }
    },
    async destroy({ uri, publicKey }) {
      await destroyKey(await connect(admit(uri, undefined)), publicKey)
      return { effectiveAt: undefined }
    },
    async diagnose(uri, keyOptions = {}) {
      const named = admit(uri, keyOptions.signal)
      const openModule = () => connections.openModule(named)
      return diagnoseKey({ openModule, connect: () => connect(named) }, keyOptions)
    },
    async [Symbol.asyncDispose]() {
      await connections.close()
    },
  }
}
