/**
 * Key references of Google Cloud KMS. The syntax is cosign's, plus a query:
 *
 * `gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K[/cryptoKeyVersions/N]`, where `versions` may stand for
 * `cryptoKeyVersions`. Without a version, the latest one that is enabled is meant. `?protection=hsm` has new keys made
 * in an HSM.
 *
 * @packageDocumentation
 */
import { parseAccountQuery } from '../../client/aws-account.ts'
import type { CountersignError } from '../../errors.ts'
import { invalidUri } from '../descriptor.ts'

/** A key ring, in which keys are made. */
export interface GcpKeyRing {
  /** `projects/P/locations/L/keyRings/R`. */
  readonly ring: string
  /** How new keys are protected; default: by software. */
  readonly protection?: 'hsm' | 'software'
}

/** One key of Cloud KMS, and one version of it, if any. */
export interface GcpKmsUri extends GcpKeyRing {
  readonly scheme: 'gcpkms'
  readonly key: string
  readonly version?: number
}

/** How a reference is written, in hints. */
export const GCP_TEMPLATE = 'gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/KEY'

const MAX_CHARACTERS = 4096
const RING = String.raw`(projects/[a-z0-9][a-z0-9.:-]{0,127}/locations/[a-z0-9-]{1,63}/keyRings/[\w-]{1,63})`
const KEY = String.raw`/cryptoKeys/([\w-]{1,63})(?:/(?:cryptoKeyVersions|versions)/([1-9][0-9]{0,8}))?`
const KEY_SYNTAX = new RegExp(String.raw`^(?i:gcpkms)://${RING}${KEY}(?:\?([^#]*))?$`)
const RING_SYNTAX = new RegExp(String.raw`^(?i:gcpkms)://${RING}/?(?:\?([^#]*))?$`)
const PARAMETERS = { protection: /^(?:hsm|software)$/ } as const

/**
 * Parses a `gcpkms:` reference to a key.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID
 */
export function parseGcpKmsUri(text: string): GcpKmsUri {
  const parts = text.length > MAX_CHARACTERS ? null : KEY_SYNTAX.exec(text)
  const [, ring, key, version, query] = parts ?? []
  if (ring === undefined || key === undefined) throw invalid(text, `expected ${GCP_TEMPLATE}`)
  return {
    scheme: 'gcpkms',
    ring,
    key,
    ...(version !== undefined && { version: Number(version) }),
    ...protectionOf(text, query),
  }
}

/** Parses a reference to a key ring; undefined: it means anything else. */
export function parseGcpKeyRing(text: string): GcpKeyRing | undefined {
  const parts = text.length > MAX_CHARACTERS ? null : RING_SYNTAX.exec(text)
  const [, ring, query] = parts ?? []
  return ring === undefined ? undefined : { ring, ...protectionOf(text, query) }
}

/** Writes a reference so that {@link parseGcpKmsUri} reads it back. */
export function serializeGcpKmsUri({ version, protection, ...uri }: GcpKmsUri): string {
  const query = protection === undefined ? '' : `?protection=${protection}`
  const suffix = version === undefined ? '' : `/cryptoKeyVersions/${version}`
  return `gcpkms://${keyName(uri)}${suffix}${query}`
}

/** Name of a key in the API. */
export function keyName({ ring, key }: Pick<GcpKmsUri, 'ring' | 'key'>): string {
  return `${ring}/cryptoKeys/${key}`
}

function protectionOf(text: string, query: string | undefined): Pick<GcpKeyRing, 'protection'> {
  const { protection } = parseAccountQuery(query, PARAMETERS, (why) => invalid(text, why))
  if (protection === undefined) return {}
  return { protection: protection === 'hsm' ? 'hsm' : 'software' }
}

function invalid(text: string, why: string): CountersignError {
  return invalidUri(text.slice(0, 300), why, GCP_TEMPLATE)
}
