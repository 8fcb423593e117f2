/** Verdicts for people: lines of the log, and the job summary. */
import type {
  ArtifactDocument,
  AttestationDocument,
  SignerDocument,
} from '../src/verification/result.ts'
import { printable } from '../src/formats/printable.ts'
import { code, escapeMarkdown, table } from './markdown.ts'

/** Renders a verdict; of a failed one, what was expected and what was found. */
export function renderStepVerdict(artifact: ArtifactDocument): string {
  const { name, digest, digestOnly, error, attestations } = artifact
  const unread = digestOnly === true ? ' (digest only: no such file)' : ''
  const what = printable(`${name} ${digest ?? ''}`.trim() + unread)
  if (error === undefined) {
    const signers = attestations.filter(({ ok }) => ok).map(describeSigned)
    return `PASSED ${what}: ${printable(signers.join('; '))}`
  }
  const lines = attestations.flatMap(renderFailedChecks)
  const hint = error.hint === undefined ? [] : [`  hint: ${error.hint}`]
  const head = `FAILED ${what}: ${error.message} [${error.code}]`
  return [head, ...lines, ...hint].map(printable).join('\n')
}

function renderFailedChecks({ source, checks }: AttestationDocument): readonly string[] {
  const failed = checks.filter(({ ok }) => !ok)
  return failed.flatMap(({ id, expected, actual }) => [
    `  ${source}`,
    `    ${id}: expected ${expected}`,
    `    ${id}: actual   ${actual}`,
  ])
}

function describeSigned({ predicateType = '', key, signedAt }: AttestationDocument): string {
  const who = key === undefined ? '' : ` by ${describeSigner(key)}`
  return `${predicateType}${who}${signedAt === undefined ? '' : ` at ${signedAt}`}`
}

function describeSigner(signer: SignerDocument): string {
  if (!('kid' in signer)) return `${signer.subjectAlternativeName} from ${signer.issuer}`
  const { name, version, kid, algorithm, state } = signer
  const label = name === undefined ? `kid ${kid}` : `${name}@${version ?? 0}`
  return `${label} (${algorithm}, ${state})`
}

const MAX_ROWS = 100

/** Writes the summary of a verification. */
export function summarizeVerdicts(
  artifacts: readonly ArtifactDocument[],
  criteria: readonly string[],
): string {
  const failed = artifacts.filter(({ ok }) => !ok).length
  const title =
    failed === 0 ? `${artifacts.length} verified` : `${failed} of ${artifacts.length} do not verify`
  const rows = artifacts
    .slice(0, MAX_ROWS)
    .map((artifact) => [
      artifact.ok ? '✅' : '❌',
      code(artifact.name.slice(0, 200)),
      code(artifact.digest ?? ''),
      escapeMarkdown(describeOutcome(artifact).slice(0, 1000)),
    ])
  return [
    `### ${title}`,
    criteria.map((line) => `- ${escapeMarkdown(line)}`).join('\n'),
    table(['', 'Artifact', 'Digest', 'Found'], rows),
    '',
  ].join('\n\n')
}

function describeOutcome({ error, attestations }: ArtifactDocument): string {
  if (error !== undefined) return `${error.message} (${error.code})`
  return attestations
    .filter(({ ok }) => ok)
    .map(describeSigned)
    .join('; ')
}
