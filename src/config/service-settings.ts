/** The settings of the service alone: durations in seconds, defaults filled in. */
import type { AlgorithmName } from '../crypto/algorithms.ts'
import type { JsonObject } from '../formats/json.ts'
import type { ApprovableAction } from '../keys/protected-actions.ts'
import type { PublicationLifetimes } from '../keys/publication-times.ts'
import { DEFAULTS } from './defaults.ts'
import { parseDurationSeconds } from './duration.ts'
import type { AccessEntry, IssuerEntry } from './sections/access.ts'
import type { KeyHistorySection, LogSection, ServeEntry, WitnessEntry } from './sections/serve.ts'

/** Whose identity tokens are accepted, and how strictly. */
export interface ConfiguredIssuer {
  readonly issuer: string
  /** Undefined: the address of the service. */
  readonly audience: string | undefined
  /** Undefined: those of the authenticator. */
  readonly algorithms: readonly AlgorithmName[] | undefined
  readonly jwksUri: string | undefined
  readonly preventReplay: boolean
  readonly enterpriseSlug: string | undefined
  readonly allowPrivateAddresses: boolean
  readonly useProxy: boolean
  readonly maxTokenAgeSeconds: number | undefined
  /** Undefined: that of the authenticator. */
  readonly clockSkewSeconds: number | undefined
  /** Path of certificates, PEM. */
  readonly ca: string | undefined
  /** Path of its keys. */
  readonly jwks: string | undefined
  /** Path of a bearer token that its keys need. */
  readonly tokenFile: string | undefined
}

/** Who may use the service. */
export interface AccessSettings {
  readonly issuers: readonly ConfiguredIssuer[]
  /** Folder of the policies. */
  readonly policies: string | undefined
  /** Tokens for development; `token` says where each is: `file:PATH` or `env:NAME`. */
  readonly staticTokens: readonly {
    readonly name: string
    readonly token: string
    readonly claims: JsonObject
  }[]
  /** How many callers must agree, and to what. */
  readonly approvals: {
    readonly required: number
    readonly actions: readonly ApprovableAction[]
    readonly examinedEntries: readonly number[]
    /** How long a request waits. */
    readonly lifetimeSeconds: number
  }
}

/** How the service listens, and what it takes on. */
export interface ServeSettings extends ListenAddress {
  /** Paths of certificate chain and private key, PEM; undefined: plain http. */
  readonly tls:
    { readonly certificate: string | undefined; readonly key: string | undefined } | undefined
  /** Addresses and networks of proxies. */
  readonly trustProxy: readonly string[]
  readonly maxBodyBytes: number
  readonly requestTimeoutSeconds: number
  readonly bodyTimeoutSeconds: number
  readonly requestsPerMinute: number
  /** An hour, on each replica. */
  readonly anonymousTimestamps: number
  readonly maxConcurrent: number
  readonly maxQueue: number
  readonly drainTimeoutSeconds: number
  /** Which keys must sign for the service to be ready. */
  readonly ready: 'any' | 'every'
  /** Where metrics are read; undefined: nowhere. */
  readonly metrics: ListenAddress | undefined
}

/** An address of this machine. */
export interface ListenAddress {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
}

/** The transparency log and the audit log. */
export interface LogSettings {
  /** Of the transparency log; undefined: the host of the service's address. */
  readonly origin: string | undefined
  /** Whether the transparency log is public. */
  readonly isPublic: boolean
  /** Of the audit log; undefined: made of the service's address. */
  readonly auditOrigin: string | undefined
  readonly checkpointEverySeconds: number
  /** Path of the anchor, a folder where it ends with `/`; undefined: beside an SQLite database. */
  readonly anchor: string | undefined
  /** Where full tiles of each log are kept; undefined: in the database. */
  readonly tiles: Readonly<Record<'audit' | 'transparency', string | undefined>>
  readonly witnesses: readonly Required<WitnessEntry>[]
  /** Undefined: all witnesses of a log. */
  readonly witnessQuorum: number | undefined
  /** Undefined: signatures do not wait for witnesses. */
  readonly waitForWitnessesSeconds: number | undefined
}

/** Fills in the section `access`. */
export function toAccessSettings({
  issuers = [],
  policies,
  staticTokens = [],
  approvals: {
    required = 1,
    actions = [],
    lifetime = DEFAULTS.approvalLifetime,
    examinedEntries = [],
  } = {},
}: AccessEntry = {}): AccessSettings {
  return {
    issuers: issuers.map(toIssuerSettings),
    policies,
    staticTokens: staticTokens.map(({ claims = {}, ...token }) => ({ ...token, claims })),
    approvals: {
      required,
      actions,
      lifetimeSeconds: parseDurationSeconds(lifetime),
      examinedEntries,
    },
  }
}

function toIssuerSettings(entry: IssuerEntry): ConfiguredIssuer {
  const { preventReplay = false, allowPrivateAddresses = false, useProxy = true } = entry
  return {
    issuer: entry.issuer,
    audience: entry.audience,
    algorithms: entry.algorithms,
    jwksUri: entry.jwksUri,
    preventReplay,
    enterpriseSlug: entry.enterpriseSlug,
    allowPrivateAddresses,
    useProxy,
    maxTokenAgeSeconds: toSeconds(entry.maxTokenAge),
    clockSkewSeconds: toSeconds(entry.clockSkew),
    ca: entry.ca,
    jwks: entry.jwks,
    tokenFile: entry.tokenFile,
  }
}

function toSeconds(duration: string | undefined): number | undefined {
  return duration === undefined ? undefined : parseDurationSeconds(duration)
}

/** Fills in the section `serve`. */
export function toServeSettings(entry: ServeEntry = {}): ServeSettings {
  const { metrics, tls, trustProxy = [] } = entry
  const { listen, rateLimit, ...filled } = { ...DEFAULTS, ...entry }
  return {
    ...toListenAddress(listen),
    tls: tls === undefined ? undefined : { certificate: tls.certificate, key: tls.key },
    trustProxy,
    maxBodyBytes: filled.maxBodyBytes,
    requestTimeoutSeconds: parseDurationSeconds(filled.requestTimeout),
    bodyTimeoutSeconds: parseDurationSeconds(filled.bodyTimeout),
    requestsPerMinute: rateLimit,
    anonymousTimestamps: filled.anonymousTimestamps,
    maxConcurrent: filled.maxConcurrent,
    maxQueue: filled.maxQueue,
    drainTimeoutSeconds: parseDurationSeconds(filled.drainTimeout),
    ready: filled.ready,
    metrics: metrics === undefined ? undefined : toListenAddress(metrics),
  }
}

function toListenAddress(text: string): ListenAddress {
  const colon = text.lastIndexOf(':')
  return {
    host: text.slice(0, colon).replace(/^\[(.*)\]$/, '$1'),
    port: Number(text.slice(colon + 1)),
  }
}

/** Every log there is. */
export const BOTH_LOGS = ['transparency', 'audit'] as const

/** Fills in the section `log`. */
export function toLogSettings({
  origin,
  auditOrigin,
  public: isPublic = DEFAULTS.publicLog,
  checkpointEvery,
  anchor,
  tiles: { audit, transparency } = {},
  witnesses = [],
  witnessQuorum,
  waitForWitnesses,
}: LogSection = {}): LogSettings {
  return {
    origin,
    auditOrigin,
    isPublic,
    checkpointEverySeconds: parseDurationSeconds(checkpointEvery ?? DEFAULTS.checkpointEvery),
    anchor,
    tiles: { audit, transparency },
    witnesses: witnesses.map((witness) => ({ logs: BOTH_LOGS, ...witness })),
    witnessQuorum,
    waitForWitnessesSeconds: toSeconds(waitForWitnesses),
  }
}

/** Fills in the section `keyHistory`. */
export function toKeyHistorySettings({
  expires = DEFAULTS.keyHistoryExpires,
  offlineUntil = DEFAULTS.keyHistoryOfflineUntil,
}: KeyHistorySection = {}): PublicationLifetimes {
  return {
    expiresSeconds: parseDurationSeconds(expires),
    offlineSeconds: parseDurationSeconds(offlineUntil),
  }
}
