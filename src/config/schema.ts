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
import { DEFAULTS } from './defaults.ts'
import { KEY_NAME_PATTERN } from './forms.ts'
import type { SchemaNode } from './schema-node.ts'
import { STRICT, text } from './schema-parts.ts'
import { type AccessEntry, accessSchema } from './sections/access.ts'
import { type KeyEntry, keySchema } from './sections/key.ts'
import {
  type KeyHistorySection,
  keyHistorySchema,
  type LogSection,
  logSchema,
  type ServeEntry,
  serveSchema,
} from './sections/serve.ts'

/** Where referrers are listed: by the API or the fallback tag, by one alone, or nowhere. */
export type ConfiguredReferrersMode = 'auto' | 'api' | 'tag' | 'none'

/** countersign.yaml, or as much of it as another source sets. */
export interface ConfigFile {
  readonly issuer?: string
  readonly store?: string
  readonly storePassword?: string
  readonly storeConnections?: number
  readonly keys?: Readonly<Record<string, KeyEntry>>
  readonly access?: AccessEntry
  readonly serve?: ServeEntry
  readonly log?: LogSection
  readonly keyHistory?: KeyHistorySection
  readonly timestamps?: string
  readonly trust?: {
    readonly keys?: readonly string[]
    readonly history?: string
    readonly historyKey?: string
    readonly trustedRoot?: string
  }
  readonly registry?: {
    readonly ca?: string
    readonly plainHttp?: readonly string[]
    readonly referrersMode?: ConfiguredReferrersMode
  }
}

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
    description: 'What `verify` trusts if the command line sets no trust; the two are never mixed.',
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
          'Database of the service: `sqlite:FILE`, or `postgres://user@host/db` without a password; `postgres://user@h1,h2/db` names several servers, tried in this order, and those that take no writes are passed over. Without `sslmode`, connections to another machine are `verify-full`; see [the runbook](runbooks/database.md).',
        default: DEFAULTS.store,
      }),
    ),
    storePassword: Type.Optional(
      text('secret', {
        description:
          'Where the password of a PostgreSQL store is; never the password. A file is read again for each connection. Left out, PGPASSFILE and `~/.pgpass` are looked at.',
        examples: ['file:/run/secrets/store', 'env:STORE_PASSWORD'],
      }),
    ),
    storeConnections: Type.Optional(
      Type.Integer({
        minimum: 2,
        maximum: 1000,
        description:
          'Most connections of each replica to PostgreSQL, beside two for notifications and locks; `max_connections` of the server (or the pool of PgBouncer) must have room for those of all replicas.',
        default: DEFAULTS.storeConnections,
      }),
    ),
    keys: Type.Optional(
      Type.Record(Type.String({ pattern: KEY_NAME_PATTERN }), keySchema, {
        ...STRICT,
        description:
          'Keys by name: lower-case letters, digits, `-` and `_`. A name goes wherever a KEY is taken.',
      }),
    ),
    timestamps: Type.Optional(
      text('timestamps', {
        description:
          'Who says when artifacts were signed: the time-stamp authority of the service itself (`embedded`), another one (RFC 3161) by its address, or none (`none`). With `trust.trustedRoot`, its certificates must be there: each time stamp is verified with them before it is released. Without, the signature is checked with the certificate in the time stamp, whose issuer is not verified, and the service warns at its start. Plain http will do: time stamps are signed.',
        default: DEFAULTS.timestamps,
      }),
    ),
    access: Type.Optional(accessSchema),
    serve: Type.Optional(serveSchema),
    log: Type.Optional(logSchema),
    keyHistory: Type.Optional(keyHistorySchema),
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
