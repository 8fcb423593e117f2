/** Public keys as SPKI, PEM, JWK and in certificates. */
import { certificates } from './certificate-keys.ts'
import { jwkKeys } from './jwk-keys.ts'
import type { Maker } from './made.ts'
import { pems } from './pem-keys.ts'
import { spkis } from './spki-keys.ts'

/** The vectors of public keys. */
export const publicKeys: Maker = {
  format: 'public-keys',
  made: 'Encoded by tools/vectors from the test keys, then changed element by element and number by number. A key is accepted if it is read and may be trusted; where other libraries read it and leave that to the caller, the rule is ours.',
  make: () => [spkis(), pems(), certificates(), jwkKeys()],
}
