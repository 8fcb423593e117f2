/** What is known of keys in AWS KMS before their code is loaded. */
import type { KeyLocation, ProviderDescriptor } from '../descriptor.ts'
import {
  type AwsKmsAccount,
  type AwsKmsUri,
  parseAwsKmsAccount,
  parseAwsKmsUri,
  regionOf,
  serializeAwsKmsUri,
} from './uri.ts'

/** Keys in AWS KMS. */
export const awskms: ProviderDescriptor<AwsKmsUri> = {
  scheme: 'awskms',
  title: 'AWS KMS',
  template: 'awskms:///alias/NAME',
  examples: ['awskms:///alias/release', 'awskms:///alias/release?region=eu-west-1'],
  isRemote: true,
  custody: 'backend',
  parse: parseAwsKmsUri,
  serialize: serializeAwsKmsUri,
  place: (text) =>
    /^awskms:\/\/[^/]*\/(\?|$)/i.test(text) ? locationOf(parseAwsKmsAccount(text)) : undefined,
}

function locationOf(account: AwsKmsAccount): KeyLocation<AwsKmsUri> {
  return {
    versionUri: ({ key, version }) => ({
      scheme: 'awskms',
      keyId: `alias/countersign-${key}-${version}`,
      ...account,
    }),
    complete: (uri) => onAccount(account, uri),
  }
}

function onAccount(account: AwsKmsAccount, uri: AwsKmsUri): AwsKmsUri | undefined {
  const { endpoint = account.endpoint, profile = account.profile, region = account.region } = uri
  const isHere =
    endpoint === account.endpoint && profile === account.profile && region === account.region
  // An ARN names a region too.
  const isOtherRegion = region !== undefined && (regionOf(uri) ?? region) !== region
  return isHere && !isOtherRegion ? { ...uri, ...account } : undefined
}
