/**
 * The one schema of countersign.yaml: validation, the JSON Schema for editors and
 * docs/configuration.md all come from it.
 *
 * @packageDocumentation
 */
import * as Type from 'typebox'
import { Check, Errors } from 'typebox/value'
import { Settings } from 'typebox/system'
import type { TLocalizedValidationError } from 'typebox/error'
import { ALGORITHM_NAMES, type AlgorithmName } from '../crypto/algorithms.ts'
import { DEFAULTS } from './defaults.ts'
import { type Bounds, type FormName, FORMS, KEY_NAME_PATTERN } from './forms.ts'
import type { KeyUse } from '../keys/key.ts'
import type { SchemaNode } from './schema-node.ts'

/** Where referrers are listed: by the API or the fallback tag, by one alone, or nowhere. */
export type ReferrersMode = 'auto' | 'api' | 'tag' | 'none'

/** One key, as the file says it. */
export interface KeyEntry {
  readonly use: KeyUse
  readonly algorithm?: AlgorithmName
  readonly provider: string
  readonly passphrase?: string
  readonly rotation?: { readonly every?: string }
  readonly maxTokenLifetime?: string
}

/** countersign.yaml, or as much of it as another source sets. */
export interface ConfigFile {
  readonly issuer?: string
  readonly store?: string
  readonly keys?: Readonly<Record<string, KeyEntry>>
  readonly access?: {
    readonly issuers?: readonly { readonly issuer: string; readonly audience?: string }[]
    readonly policies?: string
  }
  readonly trust?: {
    readonly keys?: readonly string[]
    readonly history?: string
    readonly historyKey?: string
    readonly trustedRoot?: string
  }
  readonly registry?: {
    readonly ca?: string
    readonly plainHttp?: readonly string[]
    readonly referrersMode?: ReferrersMode
  }
}

const STRICT = { additionalProperties: false } as const

/** What the documentation says of a setting. */
interface About extends Bounds {
  readonly description: string
  readonly examples?: readonly string[]
  readonly default?: unknown
}

function text(form: FormName, about: About): Type.TString {
  const { pattern } = FORMS[form]
  return Type.String({ ...about, form, ...(pattern === undefined ? {} : { pattern }) })
}

const key = Type.Object(
  {
    use: Type.Enum(['artifact', 'token', 'timestamp', 'log', 'trust'], {
      description: 'The one thing the key signs.',
    }),
    algorithm: Type.Optional(
      Type.Enum([...ALGORITHM_NAMES], {
        description: 'Pinned to the key: nothing else is ever signed or accepted with it.',
        default: DEFAULTS.algorithm,
      }),
    ),
    provider: text('provider', {
      description:
        'Where the key lives: a key reference, or the account, token or folder the service makes versions in. Never with a `pin-value`.',
      examples: ['awskms:///alias/release?region=eu-west-1', 'file:release.pem'],
    }),
    passphrase: Type.Optional(
      text('secret', {
        description: 'Where the passphrase of an encrypted `file:` key is; never the passphrase.',
        examples: ['file:/run/secrets/release', 'env:RELEASE_PASSPHRASE'],
      }),
    ),
    rotation: Type.Optional(
      Type.Object(
        {
          every: Type.Optional(
            text('duration', {
              description: 'How long a version signs before the next one takes over.',
              examples: ['90d'],
              least: '1h',
              most: '3650d',
            }),
          ),
        },
        { ...STRICT, description: 'When the service makes new versions.' },
      ),
    ),
    maxTokenLifetime: Type.Optional(
      text('duration', {
        description: 'Longest lifetime of a token; for keys whose use is `token`.',
        examples: ['1h'],
        least: '1s',
        most: '30d',
      }),
    ),
  },
  STRICT,
)

const access = Type.Object(
  {
    issuers: Type.Optional(
      Type.Array(
        Type.Object(
          {
            issuer: text('url', { description: 'Address of an OIDC issuer.' }),
            audience: Type.Optional(
              Type.String({
                minLength: 1,
                description:
                  'Audience its tokens must name; left out, the `issuer` of the service.',
              }),
            ),
          },
          STRICT,
        ),
        { description: 'Whose identity tokens the service accepts.' },
      ),
    ),
    policies: Type.Optional(
      text('path', { description: 'Folder of the Cedar policies.', examples: ['policies/'] }),
    ),
  },
  { ...STRICT, description: 'Who may do what with the keys of the service.' },
)

const trust = Type.Object(
  {
    keys: Type.Optional(
      Type.Array(text('key', { description: 'A key.' }), {
        description: 'Keys, by reference or by name.',
        examples: [['release.pub']],
      }),
    ),
    history: Type.Optional(
      text('path', {
        description: 'Key history: versions of keys with their states and windows.',
        examples: ['trust/keys.json'],
      }),
    ),
    historyKey: Type.Optional(
      text('key', {
        description: 'Key that the key history must be signed with.',
        examples: ['trust/service.pub'],
      }),
    ),
    trustedRoot: Type.Optional(
      text('path', {
        description: 'Sigstore trusted root: time-stamp authorities and logs that are believed.',
        examples: ['trust/trusted-root.json'],
      }),
    ),
  },
  {
    ...STRICT,
    description:
      'Whom `verify` trusts where the command line names nobody; what it names is never mixed with this.',
  },
)

const registry = Type.Object(
  {
    ca: Type.Optional(
      text('path', {
        description:
          'Certificates (PEM) of authorities that registries are trusted by, besides the usual ones.',
        examples: ['/etc/ssl/registry-ca.pem'],
      }),
    ),
    plainHttp: Type.Optional(
      Type.Array(text('host', { description: 'A registry.' }), {
        description: 'Registries that are spoken to without TLS; those on loopback always are.',
        examples: [['registry.lab:5000']],
      }),
    ),
    referrersMode: Type.Optional(
      Type.Enum(['auto', 'api', 'tag', 'none'], {
        description:
          'Where attachments are listed: by the referrers API or the fallback tag, whichever works (`auto`), by one alone, or nowhere.',
        default: DEFAULTS.referrersMode,
      }),
    ),
  },
  { ...STRICT, description: 'How registries are reached.' },
)

const configFile = Type.Object(
  {
    issuer: Type.Optional(
      text('url', {
        description: 'Address of the service: what its tokens name as `iss`.',
        examples: ['https://sign.example.com'],
      }),
    ),
    store: Type.Optional(
      text('store', {
        description:
          'Database of the service: `sqlite:FILE`, or `postgres://user@host/db` without a password.',
        default: DEFAULTS.store,
      }),
    ),
    keys: Type.Optional(
      Type.Record(Type.String({ pattern: KEY_NAME_PATTERN }), key, {
        ...STRICT,
        description:
          'Keys by name: lower-case letters, digits, `-` and `_`. A name goes wherever a KEY is taken.',
      }),
    ),
    access: Type.Optional(access),
    trust: Type.Optional(trust),
    registry: Type.Optional(registry),
  },
  STRICT,
)

/** The schema, for walking along. */
export const CONFIG_SCHEMA: SchemaNode = configFile

/** Narrows a value to the file's type, or answers undefined where it does not fit. */
export function toConfigFile(value: unknown): ConfigFile | undefined {
  return Check(configFile, value) ? value : undefined
}

/** What the schema says against a value; all of it. */
export function schemaErrors(value: unknown): readonly TLocalizedValidationError[] {
  // Eight by default.
  Settings.Set({ maxErrors: Infinity })
  return Errors(configFile, value)
}
