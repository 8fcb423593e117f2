/** Remembers who was established by a token a moment ago, so that the same token is not verified again. */
import { createHash } from 'node:crypto'
import { LruMap } from '../basics/lru-map.ts'
import type { KeyName, NamedPublicKey } from '../formats/jwks.ts'
import type { Caller } from './caller.ts'

/** A verified token, and what its verification stood on. */
export interface KnownToken<Issuer> {
  readonly caller: Caller
  readonly issuer: Issuer
  readonly name: KeyName
  /** The very keys; newer ones of the issuer, even of the same content, are others. */
  readonly keys: readonly NamedPublicKey[]
  readonly verifiedAt: Date
  /** Its end, and that of its greatest age, without any leeway. */
  readonly goodUntil: Date
}

/**
 * A bounded memory: the least recently used entry is evicted first. It holds hashes of tokens, so reading
 * it reveals no usable token; only SHA-256 of the very same text finds anything.
 */
export class KnownTokens<Issuer> {
  readonly #known: LruMap<KnownToken<Issuer>>

  constructor(limit: number) {
    this.#known = new LruMap(limit)
  }

  /** What is known of a token, within the times between which nothing but its keys can change the answer. */
  find(token: string, now: Date): KnownToken<Issuer> | undefined {
    const key = hash(token)
    const known = this.#known.get(key)
    // A clock that was put back may not have reached the beginning of the token.
    if (known === undefined || (now >= known.verifiedAt && now < known.goodUntil)) return known
    this.#known.delete(key)
    return undefined
  }

  /** Remembers a token that was verified in full. */
  remember(token: string, known: KnownToken<Issuer>): void {
    this.#known.set(hash(token), known)
  }
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
