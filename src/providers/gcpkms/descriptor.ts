/** What is known of keys in Google Cloud KMS before their code is loaded. */
import type { KeyLocation, ProviderDescriptor, VersionName } from '../descriptor.ts'
import {
  GCP_TEMPLATE,
  type GcpKeyRing,
  type GcpKmsUri,
  parseGcpKeyRing,
  parseGcpKmsUri,
  serializeGcpKmsUri,
} from './uri.ts'

/** Keys in Google Cloud KMS. */
export const gcpkms: ProviderDescriptor<GcpKmsUri> = {
  scheme: 'gcpkms',
  title: 'Google Cloud KMS',
  template: GCP_TEMPLATE,
  examples: ['gcpkms://projects/acme/locations/europe/keyRings/release/cryptoKeys/app'],
  isRemote: true,
  custody: 'backend',
  parse: parseGcpKmsUri,
  serialize: serializeGcpKmsUri,
  place(text) {
    const ring = parseGcpKeyRing(text)
    return ring === undefined ? undefined : locationOf(ring)
  },
}

/** The most characters in the name of a key. */
const MAX_NAME = 63

function locationOf(place: GcpKeyRing): KeyLocation<GcpKmsUri> {
  return {
    versionUri: (name) => ({ scheme: 'gcpkms', key: nameOf(name), ...place }),
    complete: (uri) => inRing(place, uri),
  }
}

function nameOf({ key, version, mark }: VersionName): string {
  const name = `countersign-${key}-${version}`
  return name.length > MAX_NAME ? `countersign-${mark}-${version}` : name
}

function inRing(place: GcpKeyRing, uri: GcpKmsUri): GcpKmsUri | undefined {
  const isHere = uri.ring === place.ring
  return isHere && (uri.protection ?? place.protection) === place.protection ? uri : undefined
}
