/** The job summary of what was made: what it is, who signed it, where it is, and how to verify it. */
import { SIGN_PREDICATE_TYPE } from '../src/formats/predicates/types.ts'
import { PROVENANCE_PREDICATE_TYPE } from '../src/formats/predicates/github-provenance.ts'
import type { MakeInputs } from './inputs.ts'
import type { MadeItem, SigningKey, SigningRoute } from './made.ts'
import { code, escapeMarkdown, shellBlock, shellWord, table } from './markdown.ts'
import type { Delivered } from './outputs.ts'
import type { ActionSubject } from './subjects.ts'

/** All that a summary tells of. */
export interface MadeSummary extends Delivered {
  readonly inputs: MakeInputs
  readonly items: readonly MadeItem[]
  readonly route: SigningRoute
}

/** The runner takes 1 MiB for a step; no one reads that much. */
const MAX_ROWS = 100

/** Writes the summary; under 1 MiB, however many subjects there are. */
export function summarizeMade(made: MadeSummary): string {
  const { inputs, items, route } = made
  const what = inputs.mode === 'sign' ? 'Signed' : 'Attested'
  return [
    `### ${what} with ${describeKey(items[0]?.key)}`,
    `Signed by ${escapeMarkdown(route.described)}; verified before it was published.`,
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

function provenanceNote({ items, inputs, route }: MadeSummary): readonly string[] {
  const isProvenance = items.some(
    ({ predicateType }) => predicateType === PROVENANCE_PREDICATE_TYPE,
  )
  if (!isProvenance || inputs.predicate.kind !== 'provenance') return []
  return [`The provenance was ${route.provenance}.`]
}

function verifyCommands(made: MadeSummary): readonly string[] {
  const { items } = made
  const [item] = items
  const [subject] = item?.subjects ?? []
  if (item === undefined || subject === undefined) return []
  const commands =
    subject.image === undefined ? fileCommands(made, subject) : imageCommands(made, subject)
  return ['Verify it:', shellBlock(commands)]
}

function typeFlags(made: MadeSummary): string {
  return isSigned(made) ? '' : ` --type ${shellWord(made.items[0]?.predicateType ?? '')}`
}

function imageCommands(made: MadeSummary, { name, digest }: ActionSubject): readonly string[] {
  const image = `${name}@${digest}`
  const key = keyReference(made)
  const cosign = isSigned(made) ? 'cosign verify' : `cosign verify-attestation${typeFlags(made)}`
  return [
    `countersign verify ${shellWord(`oci://${image}`)} --key ${key}${typeFlags(made)}`,
    `${cosign} --key ${key} --insecure-ignore-tlog=true ${shellWord(image)}`,
  ]
}

function fileCommands(made: MadeSummary, { name }: ActionSubject): readonly string[] {
  const key = keyReference(made)
  const bundle = '--bundle bundles.sigstore.json'
  const cosign = isSigned(made)
    ? 'cosign verify-blob'
    : `cosign verify-blob-attestation${typeFlags(made)}`
  return [
    `countersign verify ${shellWord(name)} ${bundle} --key ${key}${typeFlags(made)}`,
    `${cosign} --key ${key} ${bundle} --insecure-ignore-tlog=true ${shellWord(name)}`,
  ]
}

function isSigned({ items }: MadeSummary): boolean {
  return items[0]?.predicateType === SIGN_PREDICATE_TYPE
}

/** The version that signed, as its service publishes it, or the key in KMS. */
function keyReference({ inputs: { key }, items }: MadeSummary): string {
  const published =
    key.kind === 'service' ? `${key.audience}/keys/${items[0]?.key.kid ?? ''}.pem` : ''
  return shellWord(key.kind === 'kms' ? key.text : published)
}
