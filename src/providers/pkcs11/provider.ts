/**
 * Keys on PKCS#11 tokens: HSMs, smart cards, SoftHSM.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import { assertNotCancelled } from '../../basics/cancellation.ts'
import { startBackgroundTimer, startTimer, type StartTimer } from '../../basics/timer.ts'
import { parsePublicKeySpki, type PublicKeyInfo } from '../../crypto/public-key.ts'
import { CountersignError } from '../../errors.ts'
import { createSigner, type Signer, type SigningBackend } from '../../signing/signer.ts'
import type { KeyDestroyer, KeyPinning, RepeatableCreation } from '../key-lifecycle.ts'
import type { MaterialImporter } from '../key-material.ts'
import type { KeyUri } from '../key-uri.ts'
import {
  type CreateKeyRequest,
  type KeyDiagnostics,
  type KeyProvider,
  type OpenKeyOptions,
  requestedRsaBits,
  wrongScheme,
} from '../provider.ts'
import type { CreateCall, TokenCaller } from './calls.ts'
import type { Surroundings } from '../surroundings.ts'
import { diagnoseKey } from './diagnose.ts'
import { explain, explaining } from './explain.ts'
import { deadlinesOf } from './host/deadlines.ts'
import { createRemoteCaller } from './host/remote-caller.ts'
import { createMaterialImporter } from './key-material.ts'
import { findModulePath, type ModuleSearch } from './module-path.ts'
import { findPin, type ReadPin } from './pin-source.ts'
import { readSettings } from './settings.ts'
import { type Pkcs11Uri, withoutPin } from './uri.ts'

/** What can be done with keys on tokens. */
export type Pkcs11Keys = KeyProvider &
  KeyDiagnostics &
  RepeatableCreation &
  KeyPinning &
  KeyDestroyer &
  MaterialImporter

/** Where PINs and modules come from where a URI does not say; the provider never looks itself. */
export interface Pkcs11ProviderOptions extends ModuleSearch {
  readonly readPin: ReadPin
  /** Environment of the processes that modules are loaded into. */
  readonly env: Surroundings['env']
  /** Sessions per token at the most, so signatures at one time; default 8. */
  readonly maxSessions?: number | undefined
  /** Milliseconds without any answer after which a module counts as stalled; default 4000. */
  readonly answerTimeout?: number | undefined
  /** Default: Node's timers. */
  readonly startTimer?: StartTimer | undefined
}

const DEFAULT_MAX_SESSIONS = 8
/** Signatures of the slowest smart cards take 2 s. */
const DEFAULT_ANSWER_TIMEOUT_MS = 4000

/** Opens keys on tokens, with the PIN and the module that the environment or a person names. */
export function openPkcs11({
  env,
  readSecret,
}: Pick<Surroundings, 'env' | 'readSecret'>): Pkcs11Keys {
  const modulePath = env['COUNTERSIGN_PKCS11_MODULE']
  return createPkcs11Provider({
    env,
    readPin: (token) =>
      readSecret({ variable: 'COUNTERSIGN_PKCS11_PIN', prompt: `PIN of the token "${token}": ` }),
    defaultModulePath: modulePath === '' ? undefined : modulePath,
    ...readSettings(env),
  })
}

/**
 * Opens keys named by PKCS#11 URIs, each module in a process of its own: it may hang, crash or corrupt its memory
 * there.
 */
export function createPkcs11Provider(options: Pkcs11ProviderOptions): Pkcs11Keys {
  const caller = createRemoteCaller({
    env: options.env,
    readPin: (uri, label) => findPin(uri, label, options.readPin),
    maxSessions: options.maxSessions ?? DEFAULT_MAX_SESSIONS,
    deadlines: deadlinesOf(options.answerTimeout ?? DEFAULT_ANSWER_TIMEOUT_MS),
    startTimer: options.startTimer ?? startTimer,
    startBackgroundTimer: options.startTimer ?? startBackgroundTimer,
  })
  return createTokenProvider(caller, options)
}

/** Opens keys named by PKCS#11 URIs. Modules are loaded, and tokens logged in to, when first needed. */
export function createTokenProvider(given: TokenCaller, search: ModuleSearch = {}): Pkcs11Keys {
  const caller = explaining(given)

  /** The reference, with the path of its module. */
  async function admit(uri: KeyUri, signal: AbortSignal | undefined): Promise<Pkcs11Uri> {
    assertNotCancelled(signal)
    assertKeyPairUri(uri)
    try {
      return { ...uri, modulePath: await findModulePath(uri, search) }
    } catch (error) {
      throw await explain(error, uri)
    }
  }

  async function open(given: KeyUri, { algorithm, signal }: OpenKeyOptions): Promise<OpenedKey> {
    const uri = await admit(given, signal)
    const found = await caller.call('open', { uri, algorithm }, signal)
    return { uri, name: nameOf(found), publicKey: parsePublicKeySpki(found.spki, found.algorithm) }
  }

  async function openSigner(given: KeyUri, options: OpenKeyOptions): Promise<Signer> {
    const opened = await open(given, options)
    return createSigner(opened.publicKey, createBackend(caller, opened))
  }

  async function create(request: CreateKeyRequest, repetition: Repetition): Promise<KeyUri> {
    const { algorithm, signal } = request
    const rsaBits = requestedRsaBits(request)
    const uri = await admit(request.uri, signal)
    const named = { ...uri, id: uri.id ?? randomBytes(16) }
    const asked = { uri: named, algorithm, rsaBits, ...repetition }
    const id = await caller.call('create', asked, signal)
    return { ...toKept(request.uri), id }
  }

  return {
    async describe(given, { algorithm, signal } = {}) {
      const uri = await admit(given, signal)
      const found = await caller.call('describe', { uri, algorithm }, signal)
      return parsePublicKeySpki(found.spki, found.algorithm)
    },
    open: (uri, options = {}) => openSigner(uri, options),
    create: (request) => create(request, { isRepeated: false, mayRepeat: !hasId(request.uri) }),
    createOnce: (request) => create(request, { isRepeated: request.isRepeated, mayRepeat: true }),
    ...createMaterialImporter(caller, { admit, toKept }),
    pin: async (uri, options = {}) => ({ ...toKept(uri), ...(await open(uri, options)).name }),
    async destroy({ uri, publicKey }) {
      const plain = { spki: publicKey.spki, algorithm: publicKey.algorithm.name }
      await caller.call('destroy', { uri: await admit(uri, undefined), publicKey: plain })
      return { effectiveAt: undefined }
    },
    diagnose: async (uri, options = {}) => {
      assertNotCancelled(options.signal)
      assertKeyPairUri(uri)
      return diagnoseKey(caller, options, {
        admit: () => admit(uri, options.signal),
        open: () => openSigner(uri, options),
      })
    },
    [Symbol.asyncDispose]: () => caller[Symbol.asyncDispose](),
  }
}

type Repetition = Pick<CreateCall, 'isRepeated' | 'mayRepeat'>

type KeyName = Pick<Pkcs11Uri, 'object' | 'id'>

interface OpenedKey {
  readonly uri: Pkcs11Uri
  /** What means the key alone. */
  readonly name: KeyName
  readonly publicKey: PublicKeyInfo
}

function createBackend(caller: TokenCaller, { uri, name, publicKey }: OpenedKey): SigningBackend {
  const { spki, algorithm } = publicKey
  const pinned = { uri: { ...uri, ...name }, publicKey: { spki, algorithm: algorithm.name } }
  const sign: SigningBackend['signDigest'] = (input, { signal }) =>
    caller.call('sign', { ...pinned, input }, signal)
  return algorithm.family === 'ed25519' ? { signMessage: sign } : { signDigest: sign }
}

function nameOf({ object, id }: KeyName): KeyName {
  return { ...(object === undefined ? {} : { object }), ...(id === undefined ? {} : { id }) }
}

/** An id that is drawn here is of no other key, so that a key with it is the one of the same call. */
function hasId(uri: KeyUri): boolean {
  return uri.scheme === 'pkcs11' && uri.id !== undefined
}

function toKept(uri: KeyUri): Pkcs11Uri {
  assertKeyPairUri(uri)
  return withoutPin(uri)
}

/**
 * Makes sure that a reference can mean a key pair on a token.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — it means a certificate, a secret key or data
 */
function assertKeyPairUri(uri: KeyUri): asserts uri is Pkcs11Uri {
  if (uri.scheme !== 'pkcs11') throw wrongScheme('pkcs11', uri)
  const { type = 'private' } = uri
  if (type === 'private' || type === 'public') return
  const message = `a key pair is needed, the key reference has type=${type}`
  throw new CountersignError('ERR_KEY_URI_INVALID', message, {
    hint: 'leave type out, or write type=private',
  })
}
