/** What is known of keys on PKCS#11 tokens before their code is loaded. */
import type { KeyLocation, ProviderDescriptor } from '../descriptor.ts'
import { parsePkcs11Uri, type Pkcs11Uri, serializePkcs11Uri } from './uri.ts'

/** Keys on PKCS#11 tokens. */
export const pkcs11: ProviderDescriptor<Pkcs11Uri> = {
  scheme: 'pkcs11',
  title: 'a PKCS#11 token',
  template: 'pkcs11:token=…;object=…',
  examples: ['pkcs11:token=prod;object=release?module-path=/usr/lib/libhsm.so'],
  isRemote: false,
  custody: 'backend',
  parse: parsePkcs11Uri,
  serialize: serializePkcs11Uri,
  place(text) {
    const token = parsePkcs11Uri(text)
    return token.object === undefined && token.id === undefined ? locationOf(token) : undefined
  },
  findSecret: (uri) =>
    uri.pinValue === undefined
      ? undefined
      : {
          name: 'a PIN',
          hint: 'put the PIN into a file of its own and write pin-source=file:/path instead of pin-value, or set COUNTERSIGN_PKCS11_PIN',
          redacted: { ...uri, pinValue: 'hidden' },
        },
}

/** @param token - names no key */
function locationOf(token: Pkcs11Uri): KeyLocation<Pkcs11Uri> {
  return {
    versionUri: ({ key, version, mark }) => ({
      ...token,
      object: `countersign-${key}-${version}`,
      id: Buffer.from(mark, 'hex'),
    }),
    complete: (uri) => onToken(token, uri),
  }
}

function onToken(token: Pkcs11Uri, uri: Pkcs11Uri): Pkcs11Uri | undefined {
  const { object, id } = uri
  if (object === undefined && id === undefined) return undefined
  const named = {
    ...token,
    ...(object === undefined ? {} : { object }),
    ...(id === undefined ? {} : { id }),
  }
  const merged = serializePkcs11Uri({ ...named, ...uri })
  return merged === serializePkcs11Uri(named) ? named : undefined
}
