/**
 * The commands of the job summary, ready to be pasted into a shell: our own, and cosign's.
 *
 * @packageDocumentation
 */
import { SIGN_PREDICATE_TYPE } from '../src/formats/predicates/types.ts'
import { quoteForShell } from '../src/formats/shell-word.ts'
import { regionOf, serializeAwsKmsUri } from '../src/providers/awskms/uri.ts'
import type { MakeInputs } from './inputs.ts'
import type { StepSignature } from './step-signer.ts'
import type { Delivered } from './outputs.ts'
import type { ActionSubject } from './subjects.ts'

/** What the commands are about. */
export interface Verifiable extends Pick<Delivered, 'published'> {
  readonly inputs: MakeInputs
  readonly items: readonly StepSignature[]
  /** The job's AWS region; the verifier's may be another. */
  readonly region?: string | undefined
}

const BUNDLES = 'bundles.sigstore.json'
const ONE_BUNDLE = 'bundle.sigstore.json'
const TRUSTED_ROOT = 'trusted-root.json'

/** The commands with which a recipient verifies the first artifact; empty if nothing was signed. */
export function renderVerifyCommands(made: Verifiable): readonly string[] {
  const [item] = made.items
  const [subject] = item?.subjects ?? []
  if (item === undefined || subject === undefined) return []
  const key = findVerificationKey(made, item)
  const type = isSigned(item) ? '' : ` --type ${quoteForShell(item.predicateType)}`
  const flags = `--key ${quoteForShell(key.reference)}${type}`
  const commands = isPublished(made, subject)
    ? registryCommands(made, subject, flags)
    : bundleCommands(made, subject, flags)
  return [...key.commands, ...commands]
}

/** Whether the commands need the file of bundles, which `bundle-path` names. */
export function needsBundles(made: Pick<Verifiable, 'items' | 'published'>): boolean {
  const [subject] = made.items[0]?.subjects ?? []
  return subject !== undefined && !isPublished(made, subject)
}

function isSigned({ predicateType }: StepSignature): boolean {
  return predicateType === SIGN_PREDICATE_TYPE
}

function isPublished(
  { published }: Pick<Verifiable, 'published'>,
  { name, digest }: ActionSubject,
): boolean {
  return published.some(({ image }) => image === `${name}@${digest}`)
}

function registryCommands(
  { inputs, items: [item], published }: Verifiable,
  { name, digest }: ActionSubject,
  flags: string,
): readonly string[] {
  const image = `${name}@${digest}`
  const command = item && isSigned(item) ? 'cosign verify' : 'cosign verify-attestation'
  const isBundle = published.some((one) => one.image === image && one.format === 'bundle')
  // The older layout has no place for a proof.
  const log = findLog(inputs, isBundle ? item : undefined)
  return [
    `countersign verify ${quoteForShell(`oci://${image}`)} ${flags}`,
    ...log.commands,
    `${command} ${flags} ${log.flag} ${quoteForShell(image)}`,
  ]
}

function bundleCommands(
  { inputs, items }: Verifiable,
  subject: ActionSubject,
  flags: string,
): readonly string[] {
  // cosign reads one bundle of a file, and the first is that of the first artifact.
  const isOne = items.length === 1
  const split = isOne ? [] : [`head -n 1 ${BUNDLES} > ${ONE_BUNDLE}`]
  const bundle = `--bundle ${isOne ? BUNDLES : ONE_BUNDLE}`
  const artifact = subject.image === undefined ? fileName(subject) : subject.digest
  const log = findLog(inputs, items[0])
  return [
    `countersign verify ${artifact} --bundle ${BUNDLES} ${flags}`,
    ...split,
    ...log.commands,
    `${cosignCommand(items[0], subject)} ${flags} ${bundle} ${log.flag}${cosignArtifact(subject)}`,
  ]
}

/** A statement that signs is an attestation for cosign, unless it is beside its image in a registry. */
function cosignCommand(item: StepSignature | undefined, { image }: ActionSubject): string {
  if (item !== undefined && !isSigned(item)) return 'cosign verify-blob-attestation'
  if (image === undefined && !isStatement(item)) return 'cosign verify-blob'
  return `cosign verify-blob-attestation --type ${SIGN_PREDICATE_TYPE}`
}

/** A service signs a statement about a file, unless its key signs digests as they are. */
function isStatement(item: StepSignature | undefined): boolean {
  return item?.bundle?.parsed.content.kind === 'dsse'
}

function cosignArtifact(subject: ActionSubject): string {
  if (subject.image === undefined) return ` ${fileName(subject)}`
  const [algorithm = '', hex = ''] = subject.digest.split(':')
  return ` --digest ${hex} --digestAlg ${algorithm}`
}

function fileName({ name }: ActionSubject): string {
  return quoteForShell(asPath(name))
}

/**
 * A name that begins with a hyphen would be read as an option, by cosign even where a value is due; one with
 * a colon may be read as a digest or an address.
 */
function asPath(name: string): string {
  return /^[^-/][^:]*$/.test(name) || name.startsWith('/') ? name : `./${name}`
}

/** How cosign takes the log: the bundle proves its entry in that of its service, or the signature is in none. */
function findLog(
  { key }: MakeInputs,
  item: StepSignature | undefined,
): { readonly commands: readonly string[]; readonly flag: string } {
  const isLogged = (item?.bundle?.parsed.logEntries ?? 0) > 0
  if (key.kind !== 'service' || !isLogged)
    return { commands: [], flag: '--insecure-ignore-tlog=true' }
  const root = quoteForShell(`${key.audience}/trust/trusted-root.json`)
  const commands = [`curl -sSfo ${TRUSTED_ROOT} ${root}`]
  return { commands, flag: `--trusted-root ${TRUSTED_ROOT}` }
}

interface VerificationKey {
  /** What makes it be there. */
  readonly commands: readonly string[]
  readonly reference: string
}

/**
 * The version that signed, as its service publishes it; else a copy of the key in KMS: an alias may point
 * to another key tomorrow, and verifiers need no access to AWS.
 */
function findVerificationKey(
  { inputs: { key, trust }, region }: Verifiable,
  { key: signed }: StepSignature,
): VerificationKey {
  const { kid, version } = signed
  if (key.kind === 'service') return { commands: [], reference: `${key.audience}/keys/${kid}.pem` }
  const isService = trust !== undefined && /^https?:\/\/(?!.*\.json$)/i.test(trust)
  if (isService && version !== undefined) {
    return { commands: [], reference: `${trust.replace(/\/+$/, '')}/keys/${kid}.pem` }
  }
  const reference = asPath(`${kid}.pem`)
  const isElsewhere = regionOf(key.uri) === undefined && region !== undefined
  const source = quoteForShell(serializeAwsKmsUri({ ...key.uri, ...(isElsewhere && { region }) }))
  return { commands: [`countersign key export ${source} --output ${reference}`], reference }
}
