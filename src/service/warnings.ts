/** What whoever starts the service should know about how it is set up. */
import { isLoopback } from './listening.ts'

/** The settings that may be unsafe, or useless. */
export interface WarningSources {
  readonly host: string
  readonly tls: object | undefined
  readonly issuers: readonly object[]
  readonly staticTokens: readonly object[]
  readonly policies: string | undefined
  readonly keys: Readonly<
    Record<string, { readonly provider: string; readonly passphrase: string | undefined }>
  >
}

/** Says it in whole sentences, the worst first. */
export function warningsOf(sources: WarningSources): readonly string[] {
  const { host, issuers, policies, staticTokens, tls } = sources
  const bare = bareKeys(sources)
  const warnings: readonly (readonly [boolean, string])[] = [
    [
      staticTokens.length > 0,
      'static tokens are accepted (access.staticTokens): whoever reads one can call for ever; they are for development only',
    ],
    [
      tls === undefined && !isLoopback(host),
      'plain http on an address that others reach: tokens can be read on the way; set serve.tls, or let a proxy do it',
    ],
    [
      bare.length > 0,
      `keys in files without a passphrase: ${bare.join(', ')}; whoever reads the files can sign`,
    ],
    [policies === undefined, 'no policies (access.policies): every request is denied'],
    [issuers.length + staticTokens.length === 0, 'no issuer (access.issuers): nobody can call'],
  ]
  return warnings.flatMap(([applies, text]) => (applies ? [text] : []))
}

function bareKeys({ keys }: WarningSources): readonly string[] {
  return Object.entries(keys)
    .filter(([, key]) => key.provider.startsWith('file:') && key.passphrase === undefined)
    .map(([name]) => name)
}
