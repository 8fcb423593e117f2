/**
 * What can be asked of a module and its tokens. Requests and answers are plain data, so that they can cross to
 * the process that has the module loaded.
 *
 * @packageDocumentation
 */
import type { AlgorithmName } from '../../crypto/algorithms.ts'
import type { Pkcs11Uri } from './uri.ts'

/** A public key, with the algorithm that it is bound to. */
export interface PlainPublicKey {
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array
  readonly algorithm: AlgorithmName
}

interface OnToken {
  /** With the absolute path of its module. */
  readonly uri: Pkcs11Uri
}

interface OfKey extends OnToken {
  /** Pins the algorithm where the key allows several. */
  readonly algorithm?: AlgorithmName | undefined
}

interface OfPinnedKey extends OnToken {
  readonly publicKey: PlainPublicKey
}

/** A key pair to be created; the URI has its name and its CKA_ID. */
export interface CreateCall extends OnToken {
  readonly algorithm: AlgorithmName
  readonly rsaBits: number
  /** Whether an earlier call for the same CKA_ID may have got somewhere. */
  readonly isRepeated: boolean
  /** Whether a key of this CKA_ID can only be that of this call, so that it can be repeated. */
  readonly mayRepeat: boolean
}

/** Every call: what it takes and what it answers. */
export interface TokenCalls {
  /** Loads and initializes the module. */
  readonly loadModule: { readonly request: OnToken; readonly answer: null }
  /** Finds the token, and describes it for people. */
  readonly findToken: { readonly request: OnToken; readonly answer: string }
  /** Makes sure that the user is logged in. */
  readonly logIn: { readonly request: OnToken; readonly answer: null }
  /** Reads the public key, without a login if the token allows that. */
  readonly describe: { readonly request: OfKey; readonly answer: PlainPublicKey }
  /** Finds the private key: its public half, and the name that means it alone. */
  readonly open: {
    readonly request: OfKey
    readonly answer: PlainPublicKey & Pick<Pkcs11Uri, 'object' | 'id'>
  }
  /** Signs a digest, or a message where the algorithm takes no digest. */
  readonly sign: {
    readonly request: OfPinnedKey & { readonly input: Uint8Array }
    readonly answer: Uint8Array
  }
  /** Creates a key pair and answers its CKA_ID. */
  readonly create: { readonly request: CreateCall; readonly answer: Uint8Array }
  /** Makes a key pair that private keys are wrapped with: its public key, and its CKA_ID. */
  readonly importParameters: {
    readonly request: OnToken
    readonly answer: { readonly wrappingKey: Uint8Array; readonly token: Uint8Array }
  }
  /** Unwraps a private key, and answers its CKA_ID. */
  readonly importMaterial: {
    readonly request: OfPinnedKey & { readonly wrapped: Uint8Array; readonly token: Uint8Array }
    readonly answer: Uint8Array
  }
  /** Destroys a key pair; one that is already destroyed is ignored. */
  readonly destroy: { readonly request: OfPinnedKey; readonly answer: null }
  /** Uses every idle session once, so that the token does not drop it. */
  readonly keepAlive: { readonly request: { readonly sessions: 'idle' }; readonly answer: null }
}

/** Name of a call. */
export type CallName = keyof TokenCalls

/** What a call takes. */
export type RequestOf<Name extends CallName> = TokenCalls[Name]['request']

/** What a call answers. */
export type AnswerOf<Name extends CallName> = TokenCalls[Name]['answer']

/** Makes calls, in this process or in another. */
export interface TokenCaller extends AsyncDisposable {
  /**
   * @throws {@link CountersignError} what the failure maps to; ERR_CANCELLED, ERR_TIMEOUT — the signal is aborted;
   * ERR_PROVIDER_UNAVAILABLE — disposed, or the module crashed or did not answer
   */
  call<Name extends CallName>(
    name: Name,
    request: RequestOf<Name>,
    signal?: AbortSignal,
  ): Promise<AnswerOf<Name>>
}
