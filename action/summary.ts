/** The job summary of what was made: what it is, who signed it, where it is, and how to verify it. */
import { SIGN_PREDICATE_TYPE } from '../src/formats/predicates/types.ts'
import { PROVENANCE_PREDICATE_TYPE } from '../src/formats/predicates/github-provenance.ts'
import type { SigningKey } from '../src/artifacts/artifact-signer.ts'
import type { MakeInputs } from './inputs.ts'
import type { StepSignature, StepSigner } from './step-signer.ts'
import { code, escapeMarkdown, shellBlock, table } from './markdown.ts'
import type { Delivered } from './outputs.ts'
import { needsBundles, renderVerifyCommands } from './verify-commands.ts'

/** All that a summary tells of. */
export interface MadeSummary extends Delivered {
  readonly inputs: MakeInputs
  readonly items: readonly StepSignature[]
  readonly signer: Pick<StepSigner, 'described' | 'provenance'>
  readonly region: string | undefined
}

/** The runner takes 1 MiB for a step; no one reads that much. */
const MAX_ROWS = 100

/** Writes the summary; under 1 MiB, however many subjects there are. */
export function summarizeMade(made: MadeSummary): string {
  const { inputs, items, signer } = made
  const what = inputs.mode === 'sign' ? 'Signed' : 'Attested'
  return [
    `### ${what} with ${describeKey(items[0]?.key)}`,
    `Signed by ${escapeMarkdown(signer.described)}; verified before it was published.`,
    subjectTable(made),
    ...provenanceNote(made),
    ...verifyCommands(made),
    '',
  ].join('\n\n')
}

function describeKey(key: SigningKey | undefined): string {
  if (key === undefined) return 'no key'
  const version = key.version === undefined ? '' : `@${key.version}`
  const state = key.state === undefined ? '' : ` (${key.state})`
  return `${code(`${key.name}${version}`)}${escapeMarkdown(state)}`
}

function subjectTable({ items, published, uploads, kept }: MadeSummary): string {
  const all = items.flatMap((item) => item.subjects.map((subject) => ({ item, subject })))
  const rows = all.slice(0, MAX_ROWS).map(({ item, subject }) => {
    const stored = [
      ...published
        .filter(({ image }) => image === `${subject.name}@${subject.digest}`)
        .map(({ format, digest }) => (digest === undefined ? `registry, ${format}` : code(digest))),
      ...uploads.map(({ url }) => `[GitHub](${encodeURI(url)})`),
      ...(kept === undefined ? [] : ['bundle file']),
    ]
    const index = item.logIndex === undefined ? '–' : String(item.logIndex)
    return [
      code(shorten(subject.name)),
      code(subject.digest),
      describeType(item.predicateType),
      stored.join('<br>'),
      index,
    ]
  })
  const more = all.length - rows.length
  const text = table(['Subject', 'Digest', 'Says', 'Stored', 'Log index'], rows)
  return more > 0 ? `${text}\n\n…and ${more} more.` : text
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

function describeType(type: string): string {
  return type === SIGN_PREDICATE_TYPE ? 'signature' : code(shorten(type))
}

function provenanceNote({ items, inputs, signer }: MadeSummary): readonly string[] {
  const isProvenance = items.some(
    ({ predicateType }) => predicateType === PROVENANCE_PREDICATE_TYPE,
  )
  if (!isProvenance || inputs.predicate.kind !== 'provenance') return []
  return [`The provenance was ${signer.provenance}.`]
}

function verifyCommands(made: MadeSummary): readonly string[] {
  const commands = renderVerifyCommands(made)
  if (commands.length === 0) return []
  const where = needsBundles(made) ? ', beside the file that the output `bundle-path` names' : ''
  const note = 'cosign asks no log of Sigstore: what keys sign is not in it.'
  return [`Verify it${where}:`, shellBlock(commands), note]
}
