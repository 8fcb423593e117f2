/** The section `keys`: each key, what it may sign, and when it rotates. */
import { SIGNING_PROVIDERS } from '../../providers/key-uri.ts'
import * as Type from 'typebox'
import { ALGORITHM_NAMES, type AlgorithmName } from '../../crypto/algorithms.ts'
import type { JsonObject } from '../../formats/json.ts'
import { KEY_USES, type KeyUse } from '../../keys/key.ts'
import { duration, names, STRICT, text } from '../schema-parts.ts'

/** The quantities of rotation as the file says them; docs/design/rotation.md explains their effects. */
export interface RotationEntry {
  readonly every?: string
  readonly maxAge?: string
  readonly verifierCache?: string
  readonly replicaLag?: string
  readonly signerLag?: string
  readonly clockSkew?: string
  readonly verifierLeeway?: string
  readonly auditWindow?: string
}

/** Which claims the tokens of a key carry. */
export interface ClaimsEntry {
  readonly forced?: JsonObject
  readonly allowed?: readonly string[]
  readonly forbidden?: readonly string[]
  readonly required?: readonly string[]
}

/** One key, as the file says it. */
export interface KeyEntry {
  readonly use: KeyUse
  readonly algorithm?: AlgorithmName
  readonly provider: string
  readonly regions?: readonly string[]
  readonly passphrase?: string
  readonly rotation?: RotationEntry
  readonly maxTokenLifetime?: string
  readonly tokenType?: string
  readonly claims?: ClaimsEntry
  readonly timestamps?: string
}

const rotation = Type.Object(
  {
    every: Type.Optional(
      duration('1s', '3650d', {
        description:
          'How long a version signs before the next one takes over; no shorter than the next one must wait. Left out: 90d for artifacts and digests, 7d for tokens; other keys rotate only on request.',
        examples: ['90d'],
      }),
    ),
    maxAge: Type.Optional(
      duration('1s', '1d', {
        description: 'How long caches may keep published keys (`max-age`).',
        default: '5m',
      }),
    ),
    verifierCache: Type.Optional(
      duration('1s', '30d', {
        description:
          'Longest time that a verifier you support keeps published keys, whatever `max-age` says, with the time that a CDN or proxy before it keeps them on top; a new version waits that long before it signs.',
        default: '15m',
      }),
    ),
    replicaLag: Type.Optional(
      duration('1s', '1h', {
        description: 'Time until every replica publishes a change.',
        default: '5s',
      }),
    ),
    signerLag: Type.Optional(
      duration('1s', '1h', {
        description: 'Time until the last replica signs with the next version.',
        default: '5s',
      }),
    ),
    clockSkew: Type.Optional(
      duration('1s', '1h', {
        description: 'How far clocks of verifiers may be off.',
        default: '1m',
      }),
    ),
    verifierLeeway: Type.Optional(
      duration('1s', '1h', {
        description: 'How long after `exp` verifiers still accept a token.',
        default: '1m',
      }),
    ),
    auditWindow: Type.Optional(
      duration('1s', '3650d', {
        description: 'How long a version that signs no more is kept before it may be destroyed.',
        default: '30d',
      }),
    ),
  },
  { ...STRICT, description: 'When the service makes new versions, and how long it waits.' },
)

const claims = Type.Object(
  {
    forced: Type.Optional(
      Type.Unsafe<JsonObject>({
        type: 'object',
        description: 'Claims of every token, with their values; callers can not set them.',
        examples: [{ tenant: 'acme' }],
      }),
    ),
    allowed: Type.Optional(
      names({ description: 'Claims that callers may set; left out, any.', examples: [['sub']] }),
    ),
    forbidden: Type.Optional(
      names({ description: 'Claims that callers may not set.', examples: [['admin']] }),
    ),
    required: Type.Optional(
      names({ description: 'Claims without which no token is issued.', examples: [['sub']] }),
    ),
  },
  { ...STRICT, description: 'Which claims tokens carry; for keys whose use is `token`.' },
)

const key = Type.Object(
  {
    use: Type.Enum([...KEY_USES], {
      description:
        'The one thing the key signs. `artifact`: statements that the service builds; `digest`: digests that callers made, which can be made to say anything, so verifiers take nothing but a signature over a file from it.',
    }),
    algorithm: Type.Optional(
      Type.Enum([...ALGORITHM_NAMES], {
        description:
          'Pinned to the key: nothing else is ever signed or accepted with it. Left out: ES256; EdDSA for the key of the log, which is never another. `Ed25519` is EdDSA by its name in RFC 9864, which is then written into tokens and JWKs; few verifiers know it yet.',
      }),
    ),
    provider: text('provider', {
      description:
        'Where the key lives: a key reference, or the account, token or folder the service makes versions in. Never with a `pin-value`.',
      examples: SIGNING_PROVIDERS.flatMap(({ examples }) => examples.slice(-1)),
    }),
    regions: Type.Optional(
      names({
        description:
          'Regions of AWS KMS, two or more, in which each version is the same key pair: it signs in the first of them that answers. For a provider that names none; new versions are multi-Region keys, replicated there.',
        examples: [['eu-west-1', 'eu-central-1']],
      }),
    ),
    passphrase: Type.Optional(
      text('secret', {
        description: 'Where the passphrase of an encrypted `file:` key is; never the passphrase.',
        examples: ['file:/run/secrets/release', 'env:RELEASE_PASSPHRASE'],
      }),
    ),
    rotation: Type.Optional(rotation),
    maxTokenLifetime: Type.Optional(
      duration('1s', '30d', {
        description: 'Longest lifetime of a token; for keys whose use is `token`.',
        examples: ['1h'],
      }),
    ),
    tokenType: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}$',
        description: 'What tokens say they are (`typ`); for keys whose use is `token`.',
        examples: ['at+jwt'],
      }),
    ),
    claims: Type.Optional(claims),
    timestamps: Type.Optional(
      text('timestamps', {
        description:
          'Who says when a signature was made; for keys whose use is `artifact` or `digest`. Left out, what `timestamps` says for all.',
        examples: ['embedded'],
      }),
    ),
  },
  STRICT,
)

/** Schema of one key. */
export const keySchema: Type.TUnsafe<KeyEntry> = Type.Unsafe<Type.Static<typeof key>>(key)
