/** What a caller may ask for: the vocabulary of the policies. */
import type { JsonObject } from '../formats/json.ts'
import type { Key } from '../keys/key.ts'

/** Actions that change keys; each is asked about the key it changes, or makes. */
export type AdministrativeAction =
  | 'createKey'
  | 'importKey'
  | 'rotateKey'
  | 'activateKey'
  | 'relocateKey'
  | 'retireKey'
  | 'revokeKey'
  | 'destroyKey'

/** Every action a policy can name. */
export type Action =
  | 'sign'
  | 'signDigest'
  | 'attest'
  | 'issueToken'
  | AdministrativeAction
  | 'approve'
  | 'readKeys'
  | 'readLog'

/** The key an action is about. */
export type KeyFacts = Pick<Key, 'name' | 'use' | 'algorithm'>

/** An artifact that is to be signed or attested. */
export interface SubjectFacts {
  readonly name: string
  /** `sha256:<hex>`, one or more of the same artifact. */
  readonly digests: readonly string[]
}

/** An artifact that is to be signed, with what its signature is to say of it. */
export interface RequestedSignature extends SubjectFacts {
  readonly annotations: Readonly<Record<string, string>>
}

/** One request as policies see it. A decision is made once, over all of it. */
export type AccessRequest =
  | {
      /** By what the key signs: statements and payloads that the service builds, or digests as they are. */
      readonly action: 'sign' | 'signDigest'
      readonly key: KeyFacts
      readonly subjects: readonly RequestedSignature[]
    }
  | {
      readonly action: 'attest'
      readonly key: KeyFacts
      readonly subjects: readonly SubjectFacts[]
      readonly predicateTypes: readonly string[]
      /** Whether the service makes the predicate itself, of the caller's claims. */
      readonly isProvenance: boolean
    }
  | {
      readonly action: 'issueToken'
      readonly key: KeyFacts
      readonly audience: readonly string[]
      readonly lifetimeSeconds: number
      /** Claims that are asked for. */
      readonly claims: JsonObject
    }
  | { readonly action: 'readKeys'; readonly key: KeyFacts }
  /** About the key that signs the audit log. */
  | { readonly action: 'readLog'; readonly key: KeyFacts }
  | {
      readonly action: AdministrativeAction
      readonly key: KeyFacts
      /** Whether a rule of rotation is to be overridden. */
      readonly isForced: boolean
    }
  | {
      readonly action: 'approve'
      readonly key: KeyFacts
      /** What is approved. */
      readonly approvedAction: AdministrativeAction
    }

/** What is known of a request before it is read. */
export interface AccessScope {
  readonly action: Action
  readonly key: KeyFacts
}

/** A request of a scope; what only its body would say is neutral, and no coarse policy looks at it. */
export function toNeutralRequest({ action, key }: AccessScope): AccessRequest {
  return isAdministrative(action) ? { action, key, isForced: false } : NEUTRAL_REQUESTS[action](key)
}

const NO_SUBJECT: RequestedSignature = { name: '', digests: [], annotations: {} }

const NEUTRAL_REQUESTS: Readonly<
  Record<Exclude<AccessScope['action'], AdministrativeAction>, (key: KeyFacts) => AccessRequest>
> = {
  sign: (key) => ({ action: 'sign', key, subjects: [NO_SUBJECT] }),
  signDigest: (key) => ({ action: 'signDigest', key, subjects: [NO_SUBJECT] }),
  attest: (key) => ({
    action: 'attest',
    key,
    subjects: [NO_SUBJECT],
    predicateTypes: [''],
    isProvenance: false,
  }),
  issueToken: (key) => ({
    action: 'issueToken',
    key,
    audience: [''],
    lifetimeSeconds: 0,
    claims: {},
  }),
  approve: (key) => ({ action: 'approve', key, approvedAction: 'createKey' }),
  readKeys: (key) => ({ action: 'readKeys', key }),
  readLog: (key) => ({ action: 'readLog', key }),
}

function isAdministrative(action: AccessScope['action']): action is AdministrativeAction {
  return !Object.hasOwn(NEUTRAL_REQUESTS, action)
}

/** Says in a few words what is asked: for messages and the log. */
export function describeRequest(request: AccessRequest): string {
  return `action "${request.action}" on key "${request.key.name}"`
}
