/** Callers with a token of the configuration. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Caller } from './caller.ts'
import { STATIC_ISSUER, type StaticTokenSettings } from './settings.ts'

/** Makes what finds the caller of a static token; undefined for any other token. */
export function createStaticTokens(
  settings: readonly StaticTokenSettings[],
): (token: string) => Caller | undefined {
  const known = settings.map(({ name, token, claims = {} }) => ({
    digest: digestOf(token),
    caller: { kind: 'static', issuer: STATIC_ISSUER, subject: name, claims } satisfies Caller,
  }))
  return (token) => {
    if (known.length === 0) return undefined
    const digest = digestOf(token)
    return known.find((one) => timingSafeEqual(one.digest, digest))?.caller
  }
}

function digestOf(token: string): Uint8Array {
  return createHash('sha256').update(token).digest()
}
