/**
 * The challenge of a vault (`WWW-Authenticate`). Azure's own libraries follow it: they ask the authority that it names for
 * a token for the resource that it names, and had to be taught that an impostor may name the resource of another service
 * (https://aka.ms/azsdk/blog/vault-uri). It is never followed here; it only shows that what answers is not the vault.
 *
 * @packageDocumentation
 */

/** What a token is asked for in a challenge; undefined: it names nothing. */
export function challengedAudience(header: string | null): string | undefined {
  const text = header?.slice(0, 4096) ?? ''
  const [, resource] = /[\s,](?:resource|scope)="([^"]*)"/i.exec(text) ?? []
  return resource?.replace(/\/\.default$/, '').replace(/\/$/, '')
}
