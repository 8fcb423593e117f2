/** Keys that KMS does not sign with: absent, in another state, of another kind. */
import type { Cause } from '../../cause.ts'
import { awsCommand, type KmsCall, withRegion } from '../call.ts'
import type { KmsKeyDescription } from '../client.ts'
import { AWS_PAGES, type KmsCause, named, SDK_SOURCE, worded } from './cause.ts'

const INVALID_STATE = 'KMSInvalidStateException'

const inState = (text: string): KmsCause['matches'] =>
  worded(new RegExp(`^\\S+ is ${text}\\.?$`), INVALID_STATE)

/** States of a key, by what DescribeKey calls them. */
const STATE_CAUSES: Readonly<Record<string, KmsCause>> = {
  Disabled: {
    id: 'disabled',
    layer: 'key state',
    summary: 'the key is disabled',
    code: 'ERR_KEY_NOT_USABLE',
    source: AWS_PAGES.keyState,
    matches: named('DisabledException'),
    cure: (call) => `enable it: ${awsCommand('aws kms enable-key', call)}`,
  },
  PendingDeletion: {
    id: 'pending-deletion',
    layer: 'key state',
    summary: 'the key is scheduled for deletion',
    code: 'ERR_KEY_NOT_USABLE',
    source: AWS_PAGES.keyState,
    matches: inState('pending deletion'),
    cure: (call) =>
      `keep it: ${awsCommand('aws kms cancel-key-deletion', call)} && ${awsCommand('aws kms enable-key', call)}`,
  },
  PendingReplicaDeletion: {
    id: 'pending-replica-deletion',
    layer: 'key state',
    summary: 'the multi-Region primary key is scheduled for deletion and waits for its replicas',
    code: 'ERR_KEY_NOT_USABLE',
    source: AWS_PAGES.keyState,
    matches: inState('pending replica deletion'),
    cure: (call) =>
      `waiting does not help; keep it, or sign with a replica in another region: ${awsCommand('aws kms cancel-key-deletion', call)} && ${awsCommand('aws kms enable-key', call)}`,
  },
  PendingImport: {
    id: 'pending-import',
    layer: 'key state',
    summary: 'the key has no key material: it was not imported, has expired or was deleted',
    code: 'ERR_KEY_NOT_USABLE',
    source: AWS_PAGES.keyState,
    matches: inState('pending import'),
    cure: (call) =>
      `import the same key material again, as in docs/runbooks/key-ceremony.md, or with: ${awsCommand('aws kms get-parameters-for-import --wrapping-algorithm RSA_AES_KEY_WRAP_SHA_256 --wrapping-key-spec RSA_4096', call)}`,
  },
  Creating: {
    id: 'creating',
    layer: 'key state',
    summary: 'the multi-Region key is being created',
    code: 'ERR_KEY_NOT_USABLE',
    source: AWS_PAGES.keyState,
    matches: inState('creating'),
    cure: (call) => `wait until it is Enabled: ${awsCommand('aws kms describe-key', call)}`,
  },
  Updating: {
    id: 'updating',
    layer: 'key state',
    summary: 'the primary region of the multi-Region key is being changed',
    code: 'ERR_KEY_NOT_USABLE',
    source: AWS_PAGES.keyState,
    matches: inState('updating'),
    cure: (call) => `wait until it is Enabled: ${awsCommand('aws kms describe-key', call)}`,
  },
  Unavailable: {
    id: 'custom-key-store',
    layer: 'custom key store',
    summary: 'the custom key store of the key is disconnected',
    code: 'ERR_KEY_NOT_USABLE',
    source: AWS_PAGES.customKeyStore,
    matches: inState('unavailable'),
    cure: (call) =>
      `custom key stores hold no keys that sign: use a key of KMS itself; to see the store: ${withRegion('aws kms describe-custom-key-stores', call)}`,
  },
}

/** A state that is not in the table. */
const STATE_UNKNOWN: KmsCause = {
  id: 'state-unknown',
  layer: 'key state',
  summary: 'the state of the key does not allow signing',
  code: 'ERR_KEY_NOT_USABLE',
  source: AWS_PAGES.keyState,
  matches: named(INVALID_STATE),
  cure: (call) => `see its state: ${awsCommand('aws kms describe-key', call)}`,
}

/** The cause of a key that is not Enabled. No state of a key in a custom key store lets it sign. */
export function stateCause({ state, isInCustomStore }: KmsKeyDescription): KmsCause {
  return STATE_CAUSES[isInCustomStore ? 'Unavailable' : state] ?? STATE_UNKNOWN
}

/** Found on this side: no call fails with them. */
export const FOUND_CAUSES: Readonly<
  Record<
    'region-missing' | 'clock-drift' | 'algorithm-not-offered' | 'key-spec-unsupported',
    Cause<KmsCall>
  >
> = {
  'region-missing': {
    id: 'region-missing',
    layer: 'region',
    summary: 'no region is configured, or it is malformed',
    code: 'ERR_CONFIG_INVALID',
    source: SDK_SOURCE,
    cure: () => 'add ?region=… to the key reference, or set AWS_REGION',
  },
  'clock-drift': {
    id: 'clock-drift',
    layer: 'clock',
    summary: 'the clock of this machine is over a minute off: AWS accepts it, verifiers do not',
    code: 'ERR_CONFIG_INVALID',
    source: SDK_SOURCE,
    cure: () => 'set the clock of this machine (NTP): timedatectl set-ntp true',
  },
  'algorithm-not-offered': {
    id: 'algorithm-not-offered',
    layer: 'algorithm',
    summary: 'the key does not sign with the algorithm',
    code: 'ERR_ALGORITHM_UNSUPPORTED',
    source: AWS_PAGES.sign,
    cure: (call) =>
      `choose an algorithm of the key: ${awsCommand('aws kms describe-key --query KeyMetadata.SigningAlgorithms', call)}`,
  },
  'key-spec-unsupported': {
    id: 'key-spec-unsupported',
    layer: 'key',
    summary: 'the key is of a kind that countersign does not sign with',
    code: 'ERR_KEY_INVALID',
    source: AWS_PAGES.createKey,
    cure: (call) => `create a key of another kind: ${newKey(call)}`,
  },
}

/** A key of another usage, which no setting changes. */
export const WRONG_USAGE: KmsCause = {
  id: 'wrong-usage',
  layer: 'key usage',
  summary: 'the key is not for signing',
  code: 'ERR_KEY_INVALID',
  source: AWS_PAGES.sign,
  matches: worded(/ key usage is \w+,? which is not valid for /, 'InvalidKeyUsageException'),
  cure: (call) =>
    `the usage of a KMS key never changes: create another key, for signing: ${newKey(call)}`,
}

/** What is wrong with the key that was named. */
export const KEY_CAUSES: readonly KmsCause[] = [
  ...Object.values(STATE_CAUSES),
  STATE_UNKNOWN,
  {
    id: 'alias-not-found',
    layer: 'key name',
    summary: 'there is no such alias in this region and account',
    code: 'ERR_KEY_NOT_FOUND',
    source: 'https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html',
    matches: worded(/^Alias \S+ is not found\.?$/, 'NotFoundException'),
    cure: (call) =>
      `check its spelling, ${regionOf(call)} and the account: ${withRegion('aws kms list-aliases', call)}`,
  },
  {
    id: 'other-region',
    layer: 'region',
    summary: 'the ARN is of another region than the one that was asked',
    code: 'ERR_KEY_NOT_FOUND',
    source: 'https://github.com/kubernetes-retired/kube-aws/issues/1041',
    matches: worded(/^Invalid arn(?: [\w-]+)?\.?$/, 'NotFoundException'),
    cure: (call) =>
      `ask the region that is in the ARN: leave out region and endpoint of the key reference, ${regionOf(call)} was asked`,
  },
  {
    id: 'key-not-found',
    layer: 'key name',
    summary: 'there is no such key in this region and account',
    code: 'ERR_KEY_NOT_FOUND',
    source: 'https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html',
    matches: named('NotFoundException'),
    cure: (call) =>
      `check its spelling, ${regionOf(call)} and the account (aws sts get-caller-identity): ${withRegion('aws kms list-keys', call)}`,
  },
  {
    id: 'key-name-invalid',
    layer: 'key name',
    summary: 'KMS does not accept the name of the key',
    code: 'ERR_KEY_URI_INVALID',
    source: 'https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html',
    matches: named('InvalidArnException', 'InvalidAliasNameException'),
    cure: () => 'write alias/NAME, a key id, or an ARN of this account’s partition',
  },
  WRONG_USAGE,
  {
    id: 'algorithm-incompatible',
    layer: 'algorithm',
    summary: 'the key does not sign with the algorithm',
    code: 'ERR_KEY_INVALID',
    source: AWS_PAGES.sign,
    matches: named('InvalidKeyUsageException'),
    cure: (call) =>
      `choose an algorithm of the key: ${awsCommand('aws kms describe-key --query KeyMetadata.SigningAlgorithms', call)}`,
  },
  {
    id: 'spec-not-in-region',
    layer: 'region',
    summary: 'the region does not create keys of this kind',
    code: 'ERR_ALGORITHM_UNSUPPORTED',
    source: AWS_PAGES.createKey,
    // The key spec is all that KMS can find wrong with our CreateKey: older regions know fewer.
    matches: ({ name }, { operation }) =>
      operation === 'CreateKey' &&
      ['ValidationException', 'UnsupportedOperationException'].includes(name),
    cure: () => 'choose another algorithm or region',
  },
  {
    id: 'operation-unsupported',
    layer: 'custom key store',
    summary: 'the kind of the key, or its key store, does not support the operation',
    code: 'ERR_KEY_INVALID',
    source: AWS_PAGES.customKeyStore,
    matches: named('UnsupportedOperationException'),
    cure: (call) =>
      `use an asymmetric key of KMS itself whose usage is SIGN_VERIFY: ${newKey(call)}`,
  },
  {
    id: 'alias-taken',
    layer: 'key name',
    summary: 'the alias names a key already',
    code: 'ERR_KEY_EXISTS',
    source: 'https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html',
    matches: named('AlreadyExistsException'),
    cure: (call) =>
      `choose another alias, or use the key it names: ${withRegion('aws kms list-aliases', call)}`,
  },
]

function regionOf({ region }: KmsCall): string {
  return region === undefined ? 'the region' : `the region (${region})`
}

function newKey(call: KmsCall): string {
  return withRegion('aws kms create-key --key-usage SIGN_VERIFY --key-spec ECC_NIST_P256', {
    region: call.region,
    keyId: call.keyId,
  })
}
