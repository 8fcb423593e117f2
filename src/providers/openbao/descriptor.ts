/** What is known of keys in OpenBao and HashiCorp Vault before their code is loaded. */
import type { KeyLocation, ProviderDescriptor } from '../descriptor.ts'
import {
  type OpenBaoUri,
  parseOpenBaoUri,
  parseTransitPlace,
  serializeOpenBaoUri,
  TEMPLATE,
  type TransitPlace,
} from './uri.ts'

/** Keys in a transit engine. */
export const openbao: ProviderDescriptor<OpenBaoUri> = {
  scheme: 'openbao',
  aliases: ['hashivault'],
  title: 'OpenBao or Vault',
  template: TEMPLATE,
  examples: ['openbao://release', 'openbao://release?mount=team/transit'],
  isRemote: true,
  custody: 'backend',
  parse: parseOpenBaoUri,
  serialize: serializeOpenBaoUri,
  place: (text) =>
    /^[a-z]+:\/\/(\?|$)/i.test(text) ? locationOf(parseTransitPlace(text)) : undefined,
}

/**
 * Each version is a key of its own: transit destroys and disables whole keys. The mark in its name is what says
 * under which intent it was made, for transit keeps no other note with a key.
 */
function locationOf(place: TransitPlace): KeyLocation<OpenBaoUri> {
  return {
    versionUri: ({ key, version, mark }) => ({
      scheme: 'openbao',
      key: `countersign-${key}-${version}-${mark}`,
      ...place,
    }),
    complete: (uri) => atPlace(place, uri),
  }
}

function atPlace(place: TransitPlace, uri: OpenBaoUri): OpenBaoUri | undefined {
  const names = ['namespace', 'mount'] as const
  const isHere = names.every((name) => (uri[name] ?? place[name]) === place[name])
  return isHere ? { ...uri, ...place } : undefined
}
