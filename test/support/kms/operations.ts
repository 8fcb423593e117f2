/** The operations of the KMS double, by their name in X-Amz-Target. */
import { createPublicKey } from 'node:crypto'
import { KmsFault } from './fault.ts'
import type { KmsImports } from './imports.ts'
import type { KmsInput } from './input.ts'
import {
  arnPrefix,
  assertNotPendingDeletion,
  assertState,
  createKey,
  type KmsKey,
  keySpec,
  replicate,
  toKeyMetadata,
} from './key.ts'
import { assertSignable, type SigningFault, signInput, verifyInput } from './signing.ts'
import type { KmsStore } from './store.ts'

/** What an operation may use. */
export interface OperationContext {
  readonly store: KmsStore
  readonly region: string
  readonly account: string
  readonly now: number
  /** Wrapping keys that were given out. */
  readonly imports: KmsImports
  readonly signingFault: SigningFault | undefined
  /** Finds a key the caller may use for this operation, or throws NotFound or AccessDenied. */
  readonly find: (keyId: string) => KmsKey
  /** Counts one request against a quota. */
  readonly take: (quota: string) => void
}

/** Answers one request; undefined is an empty body. */
export type Operation = (
  input: KmsInput,
  context: OperationContext,
) => Record<string, unknown> | undefined | Promise<Record<string, unknown>>

const DAY_MS = 86_400_000

/** Every operation the double speaks. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  CreateKey: async (input, { store, region, account, now }) => {
    const spec = input.optionalText('KeySpec') ?? 'SYMMETRIC_DEFAULT'
    const usage = input.optionalText('KeyUsage')
    if (usage === undefined && spec !== 'SYMMETRIC_DEFAULT') {
      const text =
        'You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.'
      throw new KmsFault('ValidationException', text)
    }
    const key = await createKey({
      region,
      account,
      spec,
      usage: usage ?? 'ENCRYPT_DECRYPT',
      description: input.optionalText('Description') ?? '',
      origin: input.optionalText('Origin') ?? 'AWS_KMS',
      multiRegion: input.flag('MultiRegion'),
      tags: input.tags(),
      now,
    })
    store.addKey(region, key)
    return { KeyMetadata: toKeyMetadata(key) }
  },

  ReplicateKey: (input, { store, find, now }) => {
    const key = find(input.text('KeyId'))
    assertState(key, 'Enabled')
    const replicaRegion = input.text('ReplicaRegion')
    if (!key.multiRegion || key.isReplica) {
      throw new KmsFault(
        'UnsupportedOperationException',
        `${key.arn} is not a multi-Region primary key.`,
      )
    }
    if (store.keys(replicaRegion).some(({ id }) => id === key.id)) {
      throw new KmsFault(
        'AlreadyExistsException',
        `A replica of ${key.arn} already exists in ${replicaRegion}.`,
      )
    }
    const replica = replicate(key, {
      region: replicaRegion,
      description: input.optionalText('Description') ?? '',
      tags: input.tags(),
      now,
    })
    store.addKey(replicaRegion, replica)
    return { ReplicaKeyMetadata: toKeyMetadata(replica), ReplicaTags: [] }
  },

  DescribeKey: (input, { find }) => ({ KeyMetadata: toKeyMetadata(find(input.text('KeyId'))) }),

  GetPublicKey: (input, { find }) => {
    const key = find(input.text('KeyId'))
    assertState(key, 'Enabled')
    if (key.privateKey === undefined) {
      const text = `${key.arn} key spec is ${key.spec} which is not valid for GetPublicKey.`
      throw new KmsFault('UnsupportedOperationException', text)
    }
    const spki = createPublicKey(key.privateKey).export({ type: 'spki', format: 'der' })
    const { signingAlgorithms } = keySpec(key.spec)
    return {
      KeyId: key.arn,
      KeySpec: key.spec,
      CustomerMasterKeySpec: key.spec,
      KeyUsage: key.usage,
      PublicKey: spki.toString('base64'),
      ...(key.usage === 'SIGN_VERIFY' ? { SigningAlgorithms: signingAlgorithms } : {}),
    }
  },

  Sign: (input, context) => {
    const { key, request } = readSigningRequest('Sign', input, context)
    assertNoDryRun(input)
    const signature = signInput(key, request, context.signingFault)
    key.lastUsage = { operation: 'Sign', at: context.now }
    return {
      KeyId: key.arn,
      Signature: Buffer.from(signature).toString('base64'),
      SigningAlgorithm: request.algorithm,
    }
  },

  Verify: (input, context) => {
    const { key, request } = readSigningRequest('Verify', input, context)
    assertNoDryRun(input)
    if (!verifyInput(key, request, input.bytes('Signature'))) {
      throw new KmsFault('KMSInvalidSignatureException', '')
    }
    key.lastUsage = { operation: 'Verify', at: context.now }
    return { KeyId: key.arn, SignatureValid: true, SigningAlgorithm: request.algorithm }
  },

  GetParametersForImport: (input, { find, imports, now }) =>
    imports.parameters(find(input.text('KeyId')), input, now),

  ImportKeyMaterial: (input, { find, imports, now }) => {
    imports.importMaterial(find(input.text('KeyId')), input, now)
    return {}
  },

  CreateAlias: nameKey('create'),
  UpdateAlias: nameKey('update'),
  DeleteAlias: (input, { store, region }) => {
    store.deleteAlias(region, input.text('AliasName'))
    return undefined
  },

  ListAliases: (input, { store, region, account, find }) => {
    const target = input.has('KeyId') ? find(input.text('KeyId')).id : undefined
    const all = [...store.aliases(region)]
      .filter(([, keyId]) => target === undefined || keyId === target)
      .map(([name, keyId]) => ({
        AliasName: name,
        AliasArn: `${arnPrefix(region, account)}:${name}`,
        TargetKeyId: keyId,
      }))
    const { items, rest } = input.page(all)
    return { Aliases: items, ...rest }
  },

  ListKeys: (input, { store, region }) => {
    const all = store.keys(region).map((key) => ({ KeyId: key.id, KeyArn: key.arn }))
    const { items, rest } = input.page(all)
    return { Keys: items, ...rest }
  },

  EnableKey: (input, { find }) => {
    const key = find(input.text('KeyId'))
    assertState(key, 'Enabled', 'Disabled')
    key.state = 'Enabled'
    return undefined
  },

  DisableKey: (input, { find }) => {
    const key = find(input.text('KeyId'))
    assertState(key, 'Enabled', 'Disabled')
    key.state = 'Disabled'
    return undefined
  },

  ScheduleKeyDeletion: (input, { find, now, store }) => {
    const key = find(input.text('KeyId'))
    const days = input.number('PendingWindowInDays', 30)
    if (days < 7 || days > 30) {
      throw new KmsFault('ValidationException', 'PendingWindowInDays must be between 7 and 30')
    }
    assertNotPendingDeletion(key)
    const replicas = store.allKeys().filter(({ id, isReplica }) => id === key.id && isReplica)
    if (!key.isReplica && replicas.length > 0) {
      // Its days begin once the last replica is gone, so that there is no date yet.
      key.state = 'PendingReplicaDeletion'
      return { KeyId: key.arn, KeyState: key.state, PendingWindowInDays: days }
    }
    key.state = 'PendingDeletion'
    key.deletionAt = now + days * DAY_MS
    return {
      KeyId: key.arn,
      DeletionDate: key.deletionAt / 1000,
      KeyState: key.state,
      PendingWindowInDays: days,
    }
  },

  CancelKeyDeletion: (input, { find }) => {
    const key = find(input.text('KeyId'))
    if (key.state !== 'PendingDeletion' && key.state !== 'PendingReplicaDeletion') {
      throw new KmsFault('KMSInvalidStateException', `${key.arn} is not pending deletion.`)
    }
    key.state = 'Disabled'
    key.deletionAt = undefined
    return { KeyId: key.arn }
  },

  TagResource: (input, { find }) => {
    const key = find(input.text('KeyId'))
    assertNotPendingDeletion(key)
    for (const [name, value] of input.tags()) key.tags.set(name, value)
    return undefined
  },

  ListResourceTags: (input, { find }) => {
    const { tags } = find(input.text('KeyId'))
    const all = [...tags].map(([TagKey, TagValue]) => ({ TagKey, TagValue }))
    const { items, rest } = input.page(all)
    return { Tags: items, ...rest }
  },

  GetKeyLastUsage: (input, { find }) => {
    const key = find(input.text('KeyId'))
    const usage = key.lastUsage
    return {
      KeyId: key.id,
      KeyLastUsage:
        usage === undefined ? {} : { Operation: usage.operation, Timestamp: usage.at / 1000 },
      TrackingStartDate: key.createdAt / 1000,
      KeyCreationDate: key.createdAt / 1000,
    }
  },
}

function readSigningRequest(
  operation: string,
  input: KmsInput,
  { find, take }: OperationContext,
): { key: KmsKey; request: Parameters<typeof signInput>[1] } {
  const key = find(input.text('KeyId'))
  take(keySpec(key.spec).quota)
  assertState(key, 'Enabled')
  const request = {
    algorithm: input.text('SigningAlgorithm'),
    messageType: input.optionalText('MessageType') ?? 'RAW',
    message: input.bytes('Message'),
  }
  assertSignable(key, operation, request)
  return { key, request }
}

function assertNoDryRun(input: KmsInput): void {
  if (!input.flag('DryRun')) return
  throw new KmsFault(
    'DryRunOperationException',
    'The request would have succeeded, but the DryRun option is set.',
  )
}

function nameKey(mode: 'create' | 'update'): Operation {
  return (input, { find, store, region }) => {
    const key = find(input.text('TargetKeyId'))
    assertNotPendingDeletion(key)
    store.setAlias(region, input.text('AliasName'), key.id, mode)
    return undefined
  }
}
