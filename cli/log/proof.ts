/** `countersign log proof`: writes, checks and renews the proof that a signature is in the transparency log. */
import { writeFileAtomically, hasErrno, readFileBounded } from '../../src/files.ts'
import { CountersignError } from '../../src/errors.ts'
import { MAX_BUNDLE_BYTES, splitBundles } from '../../src/formats/bundle.ts'
import type { Checkpoint } from '../../src/formats/checkpoint.ts'
import { serializeTlogProof, type TlogProof } from '../../src/formats/tlog-proof.ts'
import { isStockLeaf } from '../../src/log/public-leaf.ts'
import { logIdentity, verifyTlogProof } from '../../src/verification/log-proof.ts'
import { nameKey, type TrustedKey, type TrustMaterial } from '../../src/verification/trust.ts'
import type { CommandEnvironment } from '../command.ts'
import type { ConfigFlags } from '../configuration.ts'
import type { Outcome } from '../context.ts'
import { openKeys } from '../keys/open.ts'
import { loadTrust } from '../trust/load.ts'
import { proofBeside, readLogProof } from '../../src/artifacts/log-proof-files.ts'
import { fetchProof, type ProofSourceFlags } from './proof-source.ts'
import { renewBundle } from './renew-proof.ts'
import { schema } from '../render/json.ts'
import { type Mark, PASSED, renderBlock, type Row, shortenKids } from '../render/layout.ts'
import { readSignedLeaf, type SignedLeaf } from './signed-leaf.ts'
import type { SecretFlags } from '../terminal/secrets.ts'
import type { TrustFlags } from '../trust/options.ts'

/** Options of the command. */
export interface ProofFlags extends TrustFlags, SecretFlags, ConfigFlags, ProofSourceFlags {
  /** Where the proof is, or goes. */
  readonly proof?: string | undefined
  readonly check?: true | undefined
  readonly renew?: true | undefined
  readonly overwrite?: true | undefined
}

/**
 * Proves the signature of a bundle file.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID, ERR_NOTE_INVALID — the log does not have it, or the proof
 * does not hold; ERR_SIGNATURE_INVALID, ERR_KEY_NOT_TRUSTED — no trusted key made it; ERR_USAGE; ERR_FILE_WRITE; and
 * those of reading the bundle, the trust and the log
 */
export async function proveBundle(
  file: string,
  flags: ProofFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  await using keys = openKeys(environment, flags)
  const bundles = splitBundles(await readFileBounded(file, MAX_BUNDLE_BYTES))
  const isOffline = flags.check === true
  const { material } = await loadTrust(
    isOffline ? { ...flags, offline: true } : flags,
    keys,
    environment,
  )
  if (flags.renew === true) return await renewAll(file, { bundles, material, flags }, environment)
  const [only] = bundles
  if (only === undefined || bundles.length > 1) throw notOne(file, bundles.length)
  const signed = await readSignedLeaf(only, material)
  const path = flags.proof ?? proofBeside(file)
  if (isOffline) return await checkProof(path, signed, material, environment)
  const { proof, checkpoint } = await fetchProof(signed, material, { flags, environment })
  await writeProof(path, proof, flags.overwrite === true)
  return toOutcome({ mark: WRITTEN, path, proof, checkpoint, signer: signed.signer }, environment)
}

async function checkProof(
  path: string,
  { leaf, signer }: SignedLeaf,
  { trustedRoot }: TrustMaterial,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const { proof } = await readLogProof(path)
  const checkpoint = verifyTlogProof(proof, leaf, logIdentity(trustedRoot))
  return toOutcome({ mark: PASSED, path, proof, checkpoint, signer }, environment)
}

async function writeProof(path: string, proof: TlogProof, overwrite: boolean): Promise<void> {
  const text = serializeTlogProof(proof)
  await writeFileAtomically(path, text, { overwrite }).catch((error: unknown) => {
    if (!hasErrno(error, 'EEXIST')) throw error
    throw new CountersignError('ERR_FILE_WRITE', `there is a file at "${path}" already`, {
      hint: '--overwrite replaces it, and --check verifies it',
      details: { path, errno: 'EEXIST' },
      cause: error,
    })
  })
}

interface Renewal {
  readonly bundles: readonly Uint8Array[]
  readonly material: TrustMaterial
  readonly flags: ProofFlags
}

/** All bundles of a file, or none: the file is written once all new proofs hold. */
async function renewAll(
  file: string,
  { bundles, material, flags }: Renewal,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const renewed: string[] = []
  let last: ProvenSignature | undefined
  for (const bytes of bundles) {
    const signed = await readSignedLeaf(bytes, material)
    const { bundle } = signed
    if (bundle === undefined || !isStockLeaf(signed.leaf)) throw carriesNone(signed)
    const proven = await fetchProof(signed, material, { flags, environment })
    renewed.push(await renewBundle({ ...signed, bundle }, proven, material))
    last = { mark: RENEWED, path: file, ...proven, signer: signed.signer }
  }
  if (last === undefined) throw notOne(file, 0)
  await writeFileAtomically(file, renewed.map((line) => `${line}\n`).join(''), { overwrite: true })
  return toOutcome(last, environment)
}

interface ProvenSignature {
  readonly mark: Mark
  readonly path: string
  readonly proof: TlogProof
  readonly checkpoint: Checkpoint
  readonly signer: TrustedKey
}

const WRITTEN: Mark = { word: 'WRITTEN', style: 'good' }
const RENEWED: Mark = { word: 'RENEWED', style: 'good' }

function toOutcome(
  { mark, path, proof, checkpoint, signer }: ProvenSignature,
  { terminal }: CommandEnvironment,
): Outcome {
  const { origin, size, root } = checkpoint
  const rows: readonly Row[] = [
    ['signed', `by ${shortenKids(nameKey(signer), terminal.report)}`],
    ['log', origin],
    ['entry', `${proof.index}, under the checkpoint at ${size} entries`],
  ]
  return {
    exitCode: 0,
    report: `${renderBlock(mark, path, rows, terminal.report)}\n`,
    document: {
      schema: schema('log-proof'),
      ok: true,
      exitCode: 0,
      file: path,
      kid: signer.key.kid,
      origin,
      index: proof.index,
      size,
      root: Buffer.from(root).toString('base64'),
    },
  }
}

function notOne(file: string, count: number): CountersignError {
  return new CountersignError(
    'ERR_USAGE',
    `"${file}" has ${count} bundles, and a proof is of one`,
    {
      hint: 'put each bundle into a file of its own',
    },
  )
}

function carriesNone({ signer }: SignedLeaf): CountersignError {
  const { name } = signer.key.algorithm
  return new CountersignError(
    'ERR_USAGE',
    `a signature of this form by ${name} carries no log entry`,
    {
      hint: 'write its proof into a file of its own: countersign log proof FILE --overwrite',
    },
  )
}
