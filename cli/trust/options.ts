/**
 * What a command line says is trusted: keys, a key history, a Sigstore trusted root.
 *
 * @packageDocumentation
 */
import type { TrustedRoot } from '@sigstore/protobuf-specs'
import { type Config, originOf } from '../../src/config/config.ts'
import { describeOrigin } from '../../src/config/origin.ts'
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import { CountersignError } from '../../src/errors.ts'
import { readFileBounded } from '../../src/files.ts'
import { parseKeyHistory } from '../../src/keys/key-history.ts'
import { assertPublicationCurrent } from '../../src/keys/publication-times.ts'
import { displayKeyUri, providerOf } from '../../src/providers/key-uri.ts'
import {
  pinKey,
  type TrustedKey,
  trustKeyHistory,
  type TrustMaterial,
} from '../../src/verification/trust.ts'
import { parseTrustedRoot } from '../../src/verification/trusted-root.ts'
import type { CommandKeys } from '../keys/open.ts'
import type { StatedUse } from '../keys/stated-use.ts'

/** Options that set what is trusted; without them the configuration applies. */
export interface TrustFlags {
  readonly key?: readonly string[] | undefined
  readonly algorithm?: AlgorithmName | undefined
  readonly trust?: string | undefined
  readonly trustKey?: string | undefined
  readonly trustedRoot?: string | undefined
  readonly certificateIdentity?: string | undefined
  readonly certificateOidcIssuer?: string | undefined
  readonly offline?: true | undefined
  /** Refuses published keys that were signed longer ago, in seconds. */
  readonly maxTrustAge?: number | undefined
  /** Where the configuration says it, in place of the command line; see {@link withConfiguredTrust}. */
  readonly configured?: string | undefined
}

/** What is trusted, and each source of it in a line for people. */
export interface CommandTrust {
  readonly material: TrustMaterial
  readonly described: readonly string[]
  /** Looks whether there is newer trust; undefined where there is not. */
  readonly newest?: () => Promise<CommandTrust | undefined>
}

/** What is read only where a command line needs it. */
export interface TrustSources {
  readonly now: Date
  /** Reads what the pinned service states of keys that are named. */
  readonly readUse: () => Promise<StatedUse>
  /** Reads the trusted root of the public Sigstore instance. */
  readonly readPublicRoot: () => Promise<TrustedRoot>
}

const MAX_HISTORY_BYTES = 16 * 1024 * 1024
const MAX_ROOT_BYTES = 4 * 1024 * 1024

/**
 * Takes the trust of the configuration if the command line sets none. The two are never mixed: a file that
 * happens to lie in the working folder adds no authority whose time stamps would count for a key given on
 * the command line.
 */
export async function withConfiguredTrust(
  flags: TrustFlags,
  readConfig: () => Promise<Config>,
): Promise<TrustFlags> {
  if (namesSigner(flags)) return flags
  const config = await readConfig()
  const { keys, history, historyKey, trustedRoot } = config.trust
  const places = ['trust.keys', 'trust.history'].map((path) => originOf(config, path))
  return {
    ...flags,
    key: keys.length === 0 ? undefined : keys,
    trust: history,
    trustKey: flags.trustKey ?? historyKey,
    trustedRoot: flags.trustedRoot ?? trustedRoot,
    configured: places
      .filter(({ kind }) => kind !== 'default')
      .map(describeOrigin)
      .join(', '),
  }
}

/** Whether any trust was given. */
export function namesSigner({ key, trust, certificateIdentity }: TrustFlags): boolean {
  return key !== undefined || trust !== undefined || certificateIdentity !== undefined
}

/**
 * Reads everything a command line trusts.
 *
 * @throws {@link CountersignError} ERR_USAGE — nothing is trusted, options that don't fit each other, or a
 * key that needs the network with `--offline`; ERR_TRUST_INVALID, ERR_SIGNATURE_INVALID — the key history
 * or the trusted root; ERR_TRUST_EXPIRED — the key history; and the errors of reading keys
 */
export async function readTrust(
  flags: TrustFlags,
  keys: CommandKeys,
  { now, readUse, readPublicRoot }: TrustSources,
): Promise<CommandTrust> {
  assertSomething(flags)
  const history =
    flags.trust === undefined ? undefined : await readHistory(flags.trust, flags, { keys, now })
  const named = flags.key ?? []
  const statedUse = named.length === 0 ? () => undefined : await readUse()
  const useOf: StatedUse = (kid) =>
    history?.keys.find(({ key }) => key.kid === kid)?.use ?? statedUse(kid)
  const pinned = await Promise.all(named.map((key) => readPinned(key, flags, { keys, useOf })))
  const { trustedRoot, authorities } = await readAuthorities(flags, readPublicRoot)
  const sources = [...pinned, ...(history === undefined ? [] : [history])]
  const by = flags.configured === undefined ? '' : `, by ${flags.configured}`
  return {
    material: { keys: sources.flatMap((source) => source.keys), trustedRoot },
    described: [...sources.map(({ described }) => `${described}${by}`), ...authorities],
  }
}

/** A certificate is trusted through an authority: the public instance's, where no other is named. */
async function readAuthorities(
  { trustedRoot: path, certificateIdentity }: TrustFlags,
  readPublicRoot: TrustSources['readPublicRoot'],
): Promise<{ trustedRoot: TrustedRoot | undefined; authorities: readonly string[] }> {
  if (path !== undefined) {
    const trustedRoot = await parseTrustedRoot(await readFileBounded(path, MAX_ROOT_BYTES))
    return { trustedRoot, authorities: [`authorities and logs of ${path}`] }
  }
  if (certificateIdentity === undefined) return { trustedRoot: undefined, authorities: [] }
  const authorities = ['authorities and logs of the public Sigstore instance']
  return { trustedRoot: await readPublicRoot(), authorities }
}

function assertSomething(flags: TrustFlags): void {
  const { trust, trustKey, certificateIdentity, certificateOidcIssuer } = flags
  if ((certificateIdentity === undefined) !== (certificateOidcIssuer === undefined)) {
    throw usage('--certificate-identity and --certificate-oidc-issuer must be given together')
  }
  if (trustKey !== undefined && trust === undefined)
    throw usage('--trust-key checks a --trust FILE')
  if (flags.maxTrustAge !== undefined && trust === undefined) {
    throw usage('--max-trust-age applies to a key history or a pinned service, and none is used')
  }
  if (namesSigner(flags)) return
  throw usage(
    'no trusted key given',
    "give the signer's public key with --key, or a key history with --trust FILE, name them in countersign.yaml, or pin a service: countersign trust init URL",
  )
}

interface KeySource {
  readonly keys: readonly TrustedKey[]
  readonly described: string
}

async function readPinned(
  reference: string,
  flags: TrustFlags,
  { keys, useOf }: { readonly keys: CommandKeys; readonly useOf: StatedUse },
): Promise<KeySource> {
  await assertReachable(reference, flags, keys)
  const key = await keys.describe(reference, { algorithm: flags.algorithm })
  const use = useOf(key.kid)
  const stated = use === undefined ? '' : `, use ${use}`
  return {
    keys: [{ ...pinKey(key), use }],
    described: `${reference} (${key.algorithm.name}, kid ${key.kid}${stated})`,
  }
}

/** A file is a saved copy, however it came here: it counts for as long as one may be used offline. */
async function readHistory(
  path: string,
  flags: TrustFlags,
  { keys, now }: { readonly keys: CommandKeys; readonly now: Date },
): Promise<KeySource> {
  const { trustKey } = flags
  if (trustKey !== undefined) await assertReachable(trustKey, flags, keys)
  const signer = trustKey === undefined ? undefined : await keys.describe(trustKey)
  const signers = signer === undefined ? [] : [signer]
  const history = parseKeyHistory(await readFileBounded(path, MAX_HISTORY_BYTES), ...signers)
  const { maxTrustAge: maxAgeSeconds } = flags
  assertPublicationCurrent(history.times, { now, source: 'offline', maxAgeSeconds, place: path })
  const versions = trustKeyHistory(history)
  const by = signer === undefined ? '' : `, signed by kid ${signer.kid}`
  return {
    keys: versions,
    described: `${countVersions(versions.length)} of ${path} (sequence ${history.sequence}${by})`,
  }
}

/** How many versions a key history has, for people. */
export function countVersions(count: number): string {
  return count === 1 ? '1 key version' : `${count} key versions`
}

/** Without the network a remote key cannot be read. */
async function assertReachable(
  reference: string,
  { offline }: TrustFlags,
  keys: CommandKeys,
): Promise<void> {
  if (offline !== true) return
  const { uri } = await keys.find(reference)
  if (!providerOf(uri).isRemote) return
  const name = displayKeyUri(uri)
  throw usage(
    `--offline, and the key "${name}" is on the network`,
    `save it first: countersign key export ${reference} --output key.pub`,
  )
}

function usage(message: string, hint?: string): CountersignError {
  return new CountersignError('ERR_USAGE', message, { hint })
}
