/** Where the proof of a log entry is made from: a service, or a copy of its log. */
import { CountersignError } from '../../src/errors.ts'
import { type JsonObject, readObject } from '../../src/formats/json.ts'
import { type LogServer, pauseFor } from '../../src/log/http-source.ts'
import { type ProvenInLog, proveLeaf } from '../../src/log/prove-leaf.ts'
import { isStockLeaf, leafLabel } from '../../src/log/public-leaf.ts'
import { logIdentity } from '../../src/verification/log-proof.ts'
import type { TrustMaterial } from '../../src/verification/trust.ts'
import type { CommandEnvironment } from '../command.ts'
import { findLabelled } from './entries.ts'
import { openLog } from './source.ts'
import type { ServiceFlags } from '../service/client.ts'
import type { SignedLeaf } from './signed-leaf.ts'
import { readPin } from '../trust/home.ts'

/** Options that say where the log is. */
export interface ProofSourceFlags extends ServiceFlags {
  /** Folder of an exported log. */
  readonly log?: string | undefined
}

/** What is asked, and in which command. */
export interface ProofRequest {
  readonly flags: ProofSourceFlags
  readonly environment: CommandEnvironment
}

/** The checkpoint of a service comes a second after the entry. */
const ATTEMPTS = 10
const PAUSE_MS = 500

/**
 * Makes a proof of a signature under the newest checkpoint of its log, waiting a few seconds for a checkpoint that
 * has it.
 *
 * @throws {@link CountersignError} as {@link proveLeaf}; ERR_USAGE — no log is named, and no service is pinned
 */
export async function fetchProof(
  { bundle, leaf }: Pick<SignedLeaf, 'bundle' | 'leaf'>,
  { trustedRoot }: TrustMaterial,
  { flags, environment }: ProofRequest,
): Promise<ProvenInLog> {
  const { context } = environment
  const { signal, pause = pauseFor } = context
  const { source, server } = await openNamedLog(flags, environment)
  const log = logIdentity(trustedRoot)
  const stated = bundle && statedIndex(bundle)
  const listed = server && (await findListed(server, leaf, signal))
  const hints = [stated, listed].filter((index) => index !== undefined)
  for (let attempt = 1; attempt < ATTEMPTS; attempt += 1) {
    const proven = await proveLeaf({ source, log, leaf, hints, signal })
    if (proven !== undefined) return proven
    await pause(PAUSE_MS, signal)
  }
  const proven = await proveLeaf({ source, log, leaf, hints: [], signal })
  if (proven !== undefined) return proven
  throw new TypeError('without a hint no checkpoint is waited for')
}

/** A leaf of our own kind is listed by its hash; no other is. */
async function findListed(
  server: LogServer,
  leaf: Uint8Array,
  signal: AbortSignal,
): Promise<number | undefined> {
  return isStockLeaf(leaf) ? undefined : findLabelled(server, leafLabel(leaf), { signal })
}

async function openNamedLog(
  flags: ProofSourceFlags,
  environment: CommandEnvironment,
): ReturnType<typeof openLog> {
  const { log: folder, server } = flags
  if (folder !== undefined || server !== undefined) return openLog(folder, flags, environment)
  const pin = await readPin(environment.context)
  if (pin !== undefined) {
    return openLog(undefined, { ...flags, server: pin.service.href }, environment)
  }
  throw new CountersignError('ERR_USAGE', 'no log is named, and no service is pinned', {
    hint: 'name the service with --server https://HOST, or the folder of an exported log with --log FOLDER',
  })
}

/** Where a bundle states that its entry is; proved by nothing. */
function statedIndex(json: JsonObject): number | undefined {
  const malformed = (why: string): CountersignError =>
    new CountersignError('ERR_BUNDLE_INVALID', `malformed Sigstore bundle: ${why}`)
  const material = readObject(json, malformed, 'it').object('verificationMaterial')
  const [entry] = material.objects('tlogEntries', 'optional')
  const index = Number(entry?.value('logIndex') ?? NaN)
  return Number.isSafeInteger(index) && index >= 0 ? index : undefined
}
