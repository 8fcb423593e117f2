/** The few things countersign asks of AWS KMS, in its own words, so that nothing else knows the SDK. */
import type { SignOptions } from '../../signing/signer.ts'

import type { KmsCall } from './call.ts'

/** What all calls of one client have in common. */
export type KmsFacts = Pick<KmsCall, 'region' | 'endpoint' | 'profile' | 'proxy'>

/** What GetPublicKey returns about a key. */
export interface KmsPublicKey {
  /** Key ARN, whatever name the key was asked for by. */
  readonly arn: string
  readonly usage: string
  /** Names as in the `kms` column of the algorithm table; their order means nothing. */
  readonly algorithms: readonly string[]
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array
}

/** What DescribeKey returns about a key, whatever state it is in. */
export interface KmsKeyDescription {
  readonly arn: string
  readonly state: string
  readonly usage: string
  readonly spec: string
  /** Empty for keys that can't sign. */
  readonly algorithms: readonly string[]
  readonly deletionDate: Date | undefined
  /** Whether it is in a store of the customer's own, which holds no keys that sign. */
  readonly isInCustomStore: boolean
}

/** One signature to make. */
export interface KmsSignRequest {
  readonly keyArn: string
  readonly algorithm: string
  readonly messageType: 'RAW' | 'DIGEST'
  readonly message: Uint8Array
}

/** A signature as KMS gives it: ECDSA as DER. */
export interface KmsSignature {
  /** ARN of the key that made it. */
  readonly keyArn: string
  readonly signature: Uint8Array
  /** What CloudTrail calls `requestID`. */
  readonly requestId: string | undefined
}

/** A key pair to make. */
export interface KmsCreateKeyRequest {
  readonly spec: string
  readonly description: string
  readonly tags: Readonly<Record<string, string>>
  /** Whether other regions may have it too. */
  readonly isMultiRegion: boolean
  /** Whether its material is imported later. */
  readonly isExternal?: boolean | undefined
}

/** What material for a key is wrapped with. */
export interface KmsImportParameters {
  /** SubjectPublicKeyInfo of an RSA key, DER. */
  readonly wrappingKey: Uint8Array
  readonly token: Uint8Array
  readonly validUntil: Date
}

/** Wrapped material of a key; it does not expire. */
export interface KmsMaterial {
  readonly keyId: string
  readonly token: Uint8Array
  readonly material: Uint8Array
}

/** A key of another region to be made of one here. */
export interface KmsReplicationRequest {
  readonly keyArn: string
  readonly region: string
  readonly description: string
  readonly tags: Readonly<Record<string, string>>
}

/** How one of several regions is called. */
export interface KmsCallOptions extends SignOptions {
  /** Time for an answer, in ms, where another region is asked after it; default: that of every request. */
  readonly attemptMs?: number | undefined
  /** Whether only one attempt is made, whatever it meets. */
  readonly isSingle?: boolean | undefined
}

/** Some of the keys of an account and region. */
export interface KmsKeyPage {
  readonly arns: readonly string[]
  /** Where the next page begins; undefined on the last. */
  readonly marker: string | undefined
}

/**
 * One connection to one account and region. Every method makes one KMS call (repeated where that may help, see
 * calls.ts) and throws nothing but CountersignErrors.
 */
export interface KmsClient {
  getPublicKey(keyId: string, options?: KmsCallOptions): Promise<KmsPublicKey>
  describeKey(keyId: string, options?: KmsCallOptions): Promise<KmsKeyDescription>
  sign(request: KmsSignRequest, options?: KmsCallOptions): Promise<KmsSignature>
  /** Settles as `sign` would, but no signature is made (DryRun). */
  trySign(request: KmsSignRequest, options?: KmsCallOptions): Promise<void>
  /** Makes a key pair of usage SIGN_VERIFY and answers its ARN; never repeated. */
  createKey(request: KmsCreateKeyRequest, signal?: AbortSignal): Promise<string>
  /** Makes a new wrapping key, valid for 24 hours. */
  getParametersForImport(keyId: string, signal?: AbortSignal): Promise<KmsImportParameters>
  importKeyMaterial(request: KmsMaterial, signal?: AbortSignal): Promise<void>
  createAlias(name: string, keyArn: string, signal?: AbortSignal): Promise<void>
  /** Makes the same key in another region; one that is there already is ERR_KEY_EXISTS. */
  replicateKey(request: KmsReplicationRequest, signal?: AbortSignal): Promise<void>
  /**
   * Schedules the deletion for the earliest day KMS allows, and answers that day; undefined: it counts from the day
   * when its replicas are gone.
   */
  scheduleKeyDeletion(keyArn: string): Promise<Date | undefined>
  cancelKeyDeletion(keyArn: string): Promise<void>
  disableKey(keyArn: string): Promise<void>
  /** One page of all keys, in no order. */
  listKeys(marker: string | undefined, signal?: AbortSignal): Promise<KmsKeyPage>
  /** The tags of a key; KMS allows 50. */
  listTags(keyArn: string, signal?: AbortSignal): Promise<ReadonlyMap<string, string>>
  /** What calls of this client are about beside their operation, for errors. */
  readonly facts: KmsFacts
  /** How far the clock of KMS is ahead of this machine's, in ms; 0 before the first answer. */
  clockOffsetMs(): number
  /**
   * Asks for credentials again where they come from (files, environment, roles), in place of those at hand; answers
   * whether they differ. Where there are none, those at hand stay.
   */
  renewCredentials(): Promise<boolean>
  close(): void
}
