/** The sections `serve`, `log` and `keyHistory`: how the service listens, what it takes on and publishes. */
import * as Type from 'typebox'
import { DEFAULTS } from '../defaults.ts'
import { duration, STRICT, text } from '../schema-parts.ts'

/** The section `serve` as the file says it. */
export interface ServeEntry {
  readonly listen?: string
  readonly tls?: { readonly certificate?: string; readonly key?: string }
  readonly trustProxy?: readonly string[]
  readonly maxBodyBytes?: number
  readonly requestTimeout?: string
  readonly bodyTimeout?: string
  readonly rateLimit?: number
  readonly anonymousTimestamps?: number
  readonly maxConcurrent?: number
  readonly maxQueue?: number
  readonly drainTimeout?: string
  readonly ready?: 'any' | 'every'
  readonly metrics?: string
}

/** The section `log` as the file says it. */
export interface LogSection {
  readonly origin?: string
  readonly auditOrigin?: string
  readonly public?: boolean
  readonly checkpointEvery?: string
  readonly anchor?: string
  readonly tiles?: { readonly audit?: string; readonly transparency?: string }
  readonly witnesses?: readonly WitnessEntry[]
  readonly witnessQuorum?: number
  readonly waitForWitnesses?: string
}

/** A witness as the file names it. */
export interface WitnessEntry {
  readonly key: string
  readonly url: string
  readonly logs?: readonly WitnessedLogSettings[]
}

/** A log whose checkpoints a witness cosigns. */
export type WitnessedLogSettings = 'transparency' | 'audit'

/** The section `keyHistory` as the file says it. */
export interface KeyHistorySection {
  readonly expires?: string
  readonly offlineUntil?: string
}

const tls = Type.Object(
  {
    certificate: Type.Optional(
      text('path', {
        description: 'Certificate chain of the service (PEM), its own first.',
        examples: ['/etc/countersign/tls.crt'],
      }),
    ),
    key: Type.Optional(
      text('path', {
        description: 'Private key of the certificate (PEM); readable by the service alone.',
        examples: ['/etc/countersign/tls.key'],
      }),
    ),
  },
  {
    ...STRICT,
    description:
      'TLS of the service itself; left out where a proxy does it. Renewed files are taken within a minute, or at once with SIGHUP.',
  },
)

const serve = Type.Object(
  {
    listen: Type.Optional(
      text('listen', {
        description: 'Address and port to listen on; port 0 takes a free one.',
        examples: ['0.0.0.0:8443'],
        default: DEFAULTS.listen,
      }),
    ),
    tls: Type.Optional(tls),
    trustProxy: Type.Optional(
      Type.Array(text('network', { description: 'An address or network.' }), {
        description:
          'Proxies whose `x-forwarded-for` is believed; all other clients are known by the address of their connection. Set it behind a proxy: failed logins and anonymous requests are limited by address.',
        examples: [['10.0.0.0/8']],
      }),
    ),
    maxBodyBytes: Type.Optional(
      Type.Integer({
        minimum: 1024,
        maximum: 67_108_864,
        description: 'Most bytes of a request body.',
        default: DEFAULTS.maxBodyBytes,
      }),
    ),
    requestTimeout: Type.Optional(
      duration('1s', '10m', {
        description: 'How long one request may take.',
        default: DEFAULTS.requestTimeout,
      }),
    ),
    bodyTimeout: Type.Optional(
      duration('1s', '10m', {
        description: 'How long the body of a request may take to arrive.',
        default: DEFAULTS.bodyTimeout,
      }),
    ),
    rateLimit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000,
        description: 'Requests a minute of one caller, on each replica.',
        default: DEFAULTS.rateLimit,
      }),
    ),
    anonymousTimestamps: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1_000_000,
        description:
          'Time stamps an hour, on each replica, for all clients without a token or without any permission; at most a quarter for one network (24 bits of IPv4, 48 of IPv6). 0: none.',
        default: DEFAULTS.anonymousTimestamps,
      }),
    ),
    maxConcurrent: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        description:
          'Requests that are worked on at the same time, at most half of them of one caller; half are divided among the keys, so that a backend that hangs leaves room for the others. Requests of callers without any permission have a quarter as many places of their own.',
        default: DEFAULTS.maxConcurrent,
      }),
    ),
    maxQueue: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100_000,
        description:
          'Requests that wait for their turn, at most half of them of one caller, divided among the keys in the same way; one more is refused at once.',
        default: DEFAULTS.maxQueue,
      }),
    ),
    drainTimeout: Type.Optional(
      duration('1s', '10m', {
        description:
          'Within what time the service ends after SIGTERM, whatever hangs. Requests under way have all of it but 2 s (at least half); what is left is for writing what they did.',
        default: DEFAULTS.drainTimeout,
      }),
    ),
    ready: Type.Optional(
      Type.Enum(['any', 'every'], {
        description:
          'Which keys must sign for `/readyz` to answer 200. `any`: one, so that a failing backend takes neither the other keys nor the published ones out of the rotation of a load balancer. `every`: all, so that other replicas answer where this one alone cannot reach a backend.',
        default: DEFAULTS.ready,
      }),
    ),
    metrics: Type.Optional(
      text('listen', {
        description:
          'Address and port on which `/metrics` answers, for Prometheus; left out: nowhere, and nothing is counted. It needs no token and names keys, backends and their errors, so only operators may reach it. See [the metrics](metrics.md).',
        examples: ['127.0.0.1:9464'],
      }),
    ),
  },
  { ...STRICT, description: 'How `countersign serve` listens, and what it takes on.' },
)

/** Schema of `serve`. */
export const serveSchema: Type.TUnsafe<ServeEntry> = Type.Unsafe<Type.Static<typeof serve>>(serve)

const tiles = Type.Object(
  {
    transparency: Type.Optional(
      text('location', {
        description:
          'Of the transparency log. A web server or CDN may serve it as it is, beside or in place of `/log/`.',
        examples: ['s3://acme-transparency/log', '/srv/www/log'],
      }),
    ),
    audit: Type.Optional(
      text('location', {
        description:
          'Of the audit log, which is private: a bucket of its own, or a folder that no web server reaches.',
        examples: ['s3://acme-audit/log', '/var/lib/countersign/audit'],
      }),
    ),
  },
  {
    ...STRICT,
    description:
      'Folders or S3 prefixes (`s3://BUCKET/PREFIX[?region=…&profile=…&endpoint=HOST]`) into which full tiles and entry bundles are moved out of the database, in the layout of C2SP tlog-tiles, with a checkpoint. A folder must exist. What was moved is read from there, so this setting stays. Left out: all of a log stays in the database.',
  },
)

const witness = Type.Object(
  {
    key: text('witnessKey', {
      description: 'Its verifier key, as its operator publishes it.',
      examples: ['witness.example.com/1+1c2f8a3e+BKk3…'],
    }),
    url: text('url', {
      description: 'Its submission prefix: what `/add-checkpoint` goes behind.',
      examples: ['https://witness.example.com'],
    }),
    logs: Type.Optional(
      Type.Array(Type.Enum(['transparency', 'audit'], { description: 'A log.' }), {
        description: 'Which logs it cosigns, where it does not know both.',
        default: ['transparency', 'audit'],
      }),
    ),
  },
  { ...STRICT, description: 'A witness.' },
)

const log = Type.Object(
  {
    origin: Type.Optional(
      text('hostname', {
        description:
          'Name of the transparency log in its checkpoints, for ever; left out, the host of `issuer`.',
        examples: ['log.example.com'],
      }),
    ),
    auditOrigin: Type.Optional(
      text('origin', {
        description:
          'Name of the audit log in its checkpoints, for ever; left out, host and path of `issuer`, then `/audit`.',
        examples: ['sign.example.com/audit'],
      }),
    ),
    public: Type.Optional(
      Type.Boolean({
        description:
          'Whether everyone may read the transparency log; if not, only callers permitted `readLog` may, and others see proofs in bundles and proof files alone.',
        default: DEFAULTS.publicLog,
      }),
    ),
    checkpointEvery: Type.Optional(
      duration('1s', '1h', {
        description: 'How often a checkpoint is signed while entries arrive.',
        default: DEFAULTS.checkpointEvery,
      }),
    ),
    anchor: Type.Optional(
      text('location', {
        description:
          'File or S3 object in which the service keeps how far its logs and publications are and what is revoked, so that it notices a database restored from an older backup. What ends with `/` is a folder. Replicas may share it. `s3://BUCKET/KEY` takes `?region=…&profile=…&endpoint=HOST`; what is left out, and credentials, come from the usual AWS settings. Left out: the file of an SQLite store with `.anchor` behind its name; none for PostgreSQL.',
        examples: ['/var/lib/countersign/anchor.json', 's3://acme-anchor/countersign.json'],
      }),
    ),
    tiles: Type.Optional(tiles),
    witnesses: Type.Optional(
      Type.Array(witness, {
        description:
          'Witnesses (C2SP tlog-witness) that checkpoints are offered to; see [the runbook](runbooks/witnesses.md).',
      }),
    ),
    witnessQuorum: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100,
        description:
          'How many of the witnesses of a log must cosign a checkpoint for it to count as witnessed; left out, all.',
      }),
    ),
    waitForWitnesses: Type.Optional(
      duration('1s', '20s', {
        description:
          'How long a signature waits at most until the quorum cosigned the checkpoint that its proof leads to; beyond it, nothing is released (`ERR_LOG_UNAVAILABLE`). Left out: signatures do not wait, and bundles have no cosignatures.',
        examples: ['5s'],
      }),
    ),
  },
  { ...STRICT, description: 'The transparency log and the audit log of the service.' },
)

/** Schema of `log`. */
export const logSchema: Type.TUnsafe<LogSection> = Type.Unsafe<Type.Static<typeof log>>(log)

const keyHistory = Type.Object(
  {
    expires: Type.Optional(
      duration('10m', '30d', {
        description:
          'How long clients that reach the service use one signature of the key history. It is signed again after half of it; the shorter, the sooner an old copy stops hiding a revocation, and the sooner clients stop verifying while the trust key cannot sign.',
        default: DEFAULTS.keyHistoryExpires,
      }),
    ),
    offlineUntil: Type.Optional(
      duration('10m', '366d', {
        description:
          'How long a copy of it counts without a connection (`--offline`, files given with `--trust`); no less than `expires`.',
        default: DEFAULTS.keyHistoryOfflineUntil,
      }),
    ),
  },
  {
    ...STRICT,
    description:
      'The signed key history, `/trust/keys.json`: how long what clients fetched counts.',
  },
)

/** Schema of `keyHistory`. */
export const keyHistorySchema: Type.TUnsafe<KeyHistorySection> =
  Type.Unsafe<Type.Static<typeof keyHistory>>(keyHistory)
