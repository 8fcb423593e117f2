/** What was signed, as text. */
import { INTEROPERABLE } from '../../src/crypto/algorithms.ts'
import type { PublicKeyInfo } from '../../src/crypto/public-key.ts'
import type { SignedDocument } from '../artifacts/signed-document.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { printable } from '../../src/formats/printable.ts'

/** Renders what became of one artifact. */
export function renderSigned(artifact: SignedDocument, terminal: Pick<Terminal, 'style'>): string {
  const { name, error } = artifact
  if (error === undefined) {
    const places = renderPlaces(artifact)
    return `${terminal.style('good', 'SIGNED')} ${printable(name)} ${artifact.digest ?? ''}${places}`
  }
  const head = `${terminal.style('bad', 'FAILED')} ${printable(name)}: ${printable(error.message)}`
  const lines = [`${head} ${terminal.style('dim', `[${error.code}]`)}`]
  if (error.hint !== undefined) lines.push(`  hint: ${printable(error.hint)}`)
  return lines.join('\n')
}

function renderPlaces({ bundle, attached = [], logIndex }: SignedDocument): string {
  const places = [
    ...attached.map(({ listedBy }) => `attached (${listedBy})`),
    ...(bundle === undefined ? [] : [`in ${printable(bundle)}`]),
    ...(logIndex === undefined ? [] : [`log entry ${logIndex}`]),
  ]
  return places.length === 0 ? '' : ` ${places.join(', ')}`
}

/** What a person should know of the algorithm before the first verifier complains; usually nothing. */
export function algorithmWarning({ algorithm }: PublicKeyInfo): string | undefined {
  if (INTEROPERABLE.has(algorithm.name)) return undefined
  return `${algorithm.name} signatures of artifacts are not verified by every tool; ES256 and RS256 are`
}
