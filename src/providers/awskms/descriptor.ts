/** What is known of keys in AWS KMS before their code is loaded. */
import type { KeyLocation, ProviderDescriptor } from '../descriptor.ts'
import {
  type AwsKmsAccount,
  type AwsKmsUri,
  isMultiRegion,
  parseAwsKmsAccount,
  parseAwsKmsUri,
  regionOf,
  serializeAwsKmsUri,
  withRegions,
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
  inRegions: withRegions,
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
  const { regions = account.regions } = uri
  const isHere =
    endpoint === account.endpoint &&
    profile === account.profile &&
    region === account.region &&
    String(regions) === String(account.regions)
  return isHere && isInRegions(account, uri) ? { ...uri, ...account } : undefined
}

/** An ARN names a region too, and a key that is no multi-Region key is in one alone. */
function isInRegions({ region, regions }: AwsKmsAccount, uri: AwsKmsUri): boolean {
  if (regions !== undefined) return isMultiRegion({ ...uri, regions })
  return region === undefined || (regionOf(uri) ?? region) === region
}
