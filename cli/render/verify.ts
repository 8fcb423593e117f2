/**
 * A verification as text: the criteria, then one line for each artifact, and below the failed ones
 * what was expected, what was found and what to do.
 *
 * @packageDocumentation
 */
import { SIGN_PREDICATE_TYPE } from '../../src/formats/predicates/types.ts'
import type {
  ArtifactDocument,
  AttestationDocument,
  SignerDocument,
} from '../../src/verification/result.ts'
import type { Check } from '../../src/verification/policy.ts'
import type { Criterion } from '../artifacts/policy.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { printable } from '../../src/formats/printable.ts'

type Painter = Pick<Terminal, 'style' | 'verbose'>

/** Renders what will be demanded; every line of it is said before anything is verified. */
export function renderCriteria(criteria: readonly Criterion[]): string {
  const lines = criteria.map(({ name, wanted }) => `  ${name.padEnd(12)} ${printable(wanted)}`)
  return ['Criteria:', ...lines].join('\n')
}

/** Renders the verdict on one artifact. */
export function renderVerdict(artifact: ArtifactDocument, terminal: Painter): string {
  const { name, digest, ok, error, attestations } = artifact
  const shown = [name, error?.message ?? ''].some((text) => text.includes(digest ?? ''))
  const what = printable(shown ? name : `${name} ${digest ?? ''}`)
  const word = ok ? terminal.style('good', 'PASSED') : terminal.style('bad', 'FAILED')
  if (error === undefined) {
    const signers = attestations.filter((one) => one.ok).map(renderSigned)
    const unread = artifact.digestOnly === true ? ' (digest only: no such file)' : ''
    const head = `${word} ${what}: ${signers.join('; ')}${unread}`
    const examined = terminal.verbose ? attestations : []
    return [head, ...examined.flatMap((one) => renderChecks(one, terminal))].join('\n')
  }
  const code = terminal.style('dim', `[${error.code}]`)
  const examined = terminal.verbose
    ? attestations
    : attestations.filter((one) => one.error?.message === error.message)
  return [
    `${word} ${what}: ${printable(error.message)} ${code}`,
    ...examined.flatMap((one) => renderChecks(one, terminal)),
    ...(error.hint === undefined ? [] : [`  hint: ${printable(error.hint)}`]),
  ].join('\n')
}

/** Who signed what and when, in one phrase. */
function renderSigned({ key, predicateType, signedAt }: AttestationDocument): string {
  const what = predicateType === SIGN_PREDICATE_TYPE ? 'signed' : printable(predicateType ?? '')
  const who = key === undefined ? '' : ` by ${renderSigner(key)}`
  return `${what}${who}${signedAt === undefined ? '' : ` at ${signedAt}`}`
}

function renderSigner(signer: SignerDocument): string {
  if (!('kid' in signer)) {
    return printable(`${signer.subjectAlternativeName} from ${signer.issuer}`)
  }
  const { name, version, kid, algorithm, state } = signer
  const label = name === undefined ? `kid ${kid}` : `${name}@${version ?? 0}`
  return printable(`${label} (${algorithm}, ${state})`)
}

/** The checks that were made of one attached thing; of a bad one the failed one alone, without -v. */
function renderChecks(
  { source, checks, error }: AttestationDocument,
  { verbose }: Painter,
): readonly string[] {
  const shown = verbose ? checks : checks.filter((check) => !check.ok)
  const isSaid = error === undefined || checks.some((check) => !check.ok)
  return [
    `  ${printable(source)}`,
    ...shown.flatMap((check) => [...renderCheck(check), ...(verbose ? renderTried(check) : [])]),
    ...(isSaid ? [] : [`    ${printable(error.message)}`]),
  ]
}

function renderTried({ tried = [] }: Check): readonly string[] {
  return tried.map((key) => `    ${''.padEnd(14)} tried    ${printable(key)}`)
}

/** Renders one check: what was found, and beside it what was expected where that is another thing. */
export function renderCheck({ id, ok, expected, actual }: Check): readonly string[] {
  if (ok) return [`    ${id.padEnd(14)} ${printable(actual)}`]
  return [
    `    ${id.padEnd(14)} expected ${printable(expected)}`,
    `    ${''.padEnd(14)} actual   ${printable(actual)}`,
  ]
}
