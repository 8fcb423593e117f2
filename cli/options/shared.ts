/**
 * Options that several commands share, each made in one place, and the parsers of their values. A
 * parser refuses with a CountersignError of its own, so that a wrong value keeps its code and hint.
 *
 * @packageDocumentation
 */
import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings'
import { type AlgorithmName, resolveAlgorithm } from '../../src/crypto/algorithms.ts'
import { parseDurationSeconds } from '../../src/config/duration.ts'
import { CountersignError } from '../../src/errors.ts'
import { DEFAULT_MAX_ATTACHED, MAX_ATTACHED } from '../../src/formats/oci-referrer.ts'

/** What every command takes; read from the arguments before any command is loaded. */
export interface CommonFlags {
  /** One document on stdout, on failure too. */
  readonly json: boolean
  readonly quiet: boolean
  readonly verbose: boolean
  readonly noInput: boolean
  readonly noColor: boolean
}

/** Declares the common options on the program; commander then takes them before and after a command. */
export function addCommonOptions(program: CommandUnknownOpts): void {
  program
    .option('--json', 'print one JSON document on stdout, on failure too')
    .option('-q, --quiet', 'print errors alone, a line each')
    .option('-v, --verbose', 'print more: causes of errors, what was looked at, keys tried')
    .option('--no-input', 'never ask for anything')
    .option('--no-color', 'no colour, as with NO_COLOR=1')
}

/** Reads the common options; what stands behind `--` is no option. */
export function readCommonFlags(argv: readonly string[]): CommonFlags {
  const end = argv.indexOf('--')
  const words = end === -1 ? argv : argv.slice(0, end)
  // Short options may be joined: -qv.
  const letters = words.filter((word) => /^-[qv]+$/.test(word)).join('')
  return {
    json: words.includes('--json'),
    quiet: words.includes('--quiet') || letters.includes('q'),
    verbose: words.includes('--verbose') || letters.includes('v'),
    noInput: words.includes('--no-input'),
    noColor: words.includes('--no-color'),
  }
}

/** `--require-witness`. */
export function requireWitnessOption(): Option<
  '--require-witness <number>',
  undefined,
  undefined,
  number
> {
  return new Option(
    '--require-witness <number>',
    'trusted witnesses that cosigned the checkpoint of the log',
  ).argParser(parseCount(0, 100))
}

/** `--witness-key`. */
export function witnessKeyOption(): Option<
  '--witness-key <vkey>',
  undefined,
  undefined,
  readonly string[]
> {
  return new Option(
    '--witness-key <vkey>',
    'verifier key of a trusted witness, or a file with one on each line (repeatable; default: those pinned by trust init)',
  ).argParser(collect)
}

/** Parses the name of an algorithm. */
function parseAlgorithm(text: string): AlgorithmName {
  return resolveAlgorithm(text).name
}

/**
 * Makes a parser of whole numbers within bounds, both included.
 *
 * @throws {@link CountersignError} from the parser: ERR_USAGE
 */
export function parseCount(least: number, most: number): (text: string) => number {
  return (text) => {
    const count = /^\d{1,9}$/.test(text) ? Number(text) : NaN
    if (count >= least && count <= most) return count
    throw new CountersignError('ERR_USAGE', `"${text}" is not a number from ${least} to ${most}`)
  }
}

/** Collects the values of an option that may be given more than once. */
export function collect(text: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), text]
}

/**
 * Collects `name=value` pairs.
 *
 * @throws {@link CountersignError} ERR_USAGE — no `=`, no name, or a name twice with two values
 */
export function collectPairs(
  text: string,
  earlier: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> {
  const [, name, value] = /^([^=]+)=([\s\S]*)$/.exec(text) ?? []
  if (name === undefined || value === undefined) {
    throw new CountersignError('ERR_USAGE', `"${text}" is not of the form name=value`)
  }
  if (earlier !== undefined && Object.hasOwn(earlier, name) && earlier[name] !== value) {
    throw new CountersignError('ERR_USAGE', `"${name}" is given two values`)
  }
  return { ...earlier, [name]: value }
}

/** `--algorithm`: pins what an RSA key does; for other keys it must be what they do anyway. */
export function algorithmOption(
  description = 'algorithm of the key, where it allows several (RSA)',
): Option<'--algorithm <name>', undefined, undefined, AlgorithmName> {
  return new Option('--algorithm <name>', description).argParser(parseAlgorithm)
}

/** `--algorithm`, repeatable: those of RSA keys, which a key set need not name. */
export function algorithmsOption(
  description: string,
): Option<'--algorithm <name>', undefined, undefined, readonly AlgorithmName[]> {
  return new Option('--algorithm <name>', description).argParser(
    (text: string, earlier: readonly AlgorithmName[] | undefined) => [
      ...(earlier ?? []),
      parseAlgorithm(text),
    ],
  )
}

/** What the artifacts of a command may be, for its help. */
export const ARTIFACTS = 'files, oci:// images, oci-layout:// folders, digests, - for stdin'

/** `--passphrase-file`: for encrypted key files; see {@link createSecretSources}. */
export function passphraseFileOption(): Option<'--passphrase-file <file>'> {
  return new Option('--passphrase-file <file>', 'file that holds the passphrase of the key file')
}

/** `--max-trust-age`: for users who want to hear of revocations sooner than the service promises. */
export function maxTrustAgeOption(): Option<
  '--max-trust-age <duration>',
  undefined,
  undefined,
  number
> {
  const description = 'refuse published keys that were signed longer ago: 30m, 12h, 7d'
  return new Option('--max-trust-age <duration>', description).argParser(parseDurationSeconds)
}

/** `-a, --annotations`: pairs that are signed, or demanded. */
export function annotationsOption(
  description: string,
): Option<
  '-a, --annotations <name=value>',
  undefined,
  undefined,
  Readonly<Record<string, string>>
> {
  return new Option('-a, --annotations <name=value>', description).argParser(collectPairs)
}

/** `-r, --recursive`: an index and all inside it. */
export function recursiveOption(): Option<'-r, --recursive'> {
  return new Option('-r, --recursive', 'an index with every image inside it')
}

/** `--max-attached`: how much of what is attached to one image is read. */
export function maxAttachedOption(): Option<
  '--max-attached <number>',
  undefined,
  undefined,
  number
> {
  const description = `most bundles read of one image (default: ${DEFAULT_MAX_ATTACHED})`
  return new Option('--max-attached <number>', description).argParser(parseCount(1, MAX_ATTACHED))
}

/** `--ca`: for registries with a certificate of their own authority. */
export function caOption(): Option<'--ca <file>'> {
  return new Option('--ca <file>', 'PEM of a certificate authority to trust for registries')
}

/** `--plain-http`: registries on loopback need no option. */
export function plainHttpOption(): Option<'--plain-http'> {
  return new Option('--plain-http', 'reach registries without TLS')
}

const REFERRERS_MODES = ['auto', 'api', 'tag', 'none'] as const

/** `--referrers-mode`: how a registry lists what is attached. */
export function referrersModeOption(): Option<
  '--referrers-mode <mode>',
  undefined,
  undefined,
  undefined,
  false,
  (typeof REFERRERS_MODES)[number]
> {
  const description = 'how the registry lists what is attached (default: auto)'
  return new Option('--referrers-mode <mode>', description).choices(REFERRERS_MODES)
}

const SIGN_FORMATS = ['bundle', 'legacy', 'both'] as const

/** `--format`: in which form something is attached to an image. */
export function signFormatOption(): Option<
  '--format <format>',
  undefined,
  'bundle',
  undefined,
  false,
  (typeof SIGN_FORMATS)[number]
> {
  return new Option('--format <format>', 'as cosign 3 reads it, as cosign 2 does (legacy), or both')
    .choices(SIGN_FORMATS)
    .default('bundle')
}

/** `--trusted-root`: authorities and logs beside the keys that are trusted. */
export function trustedRootOption(): Option<'--trusted-root <file>'> {
  return new Option(
    '--trusted-root <file>',
    'Sigstore trusted root: time-stamp authorities, logs, certificates (default for an identity: that of the public instance)',
  )
}

/** `--require-log`: how many logs must have a signature. */
export function requireLogOption(): Option<'--require-log <number>', undefined, undefined, number> {
  return new Option(
    '--require-log <number>',
    'log entries (default: those that the service’s bundles carry; with --log-proof: 1)',
  ).argParser(parseCount(0, 1000))
}

/** `--log-proof`: proofs of log entries that are not in the bundle. */
export function logProofOption(): Option<
  '--log-proof <file>',
  undefined,
  undefined,
  readonly string[]
> {
  return new Option(
    '--log-proof <file>',
    'proof of a log entry, as log proof writes it (repeatable; default: BUNDLE.tlog-proof, if it is there)',
  ).argParser(collect)
}
