/** What was signed, as text. */
import { INTEROPERABLE } from '../../src/crypto/algorithms.ts'
import type { PublicKeyInfo } from '../../src/crypto/public-key.ts'
import type { AttachedDocument } from '../../src/artifacts/attach-signature.ts'
import type { SigningKeyDocument } from '../../src/artifacts/artifact-signer.ts'
import type { SignedDocument } from '../artifacts/signed-document.ts'
import { labelKey, type Painter, renderBlock, type Row, FAILED } from './layout.ts'
import { nameWithoutDigest, renderDigest, toFailureRows } from './verify.ts'

const SIGNED = { word: 'SIGNED', style: 'good' } as const

/** Renders what became of one artifact. */
export function renderSigned(
  artifact: SignedDocument,
  key: SigningKeyDocument,
  painter: Painter,
): string {
  const { name, error } = artifact
  if (error !== undefined) {
    return renderBlock(FAILED, name, toFailureRows(error, [], painter), painter)
  }
  const algorithm = key.algorithm === undefined ? '' : ` (${key.algorithm})`
  const rows: readonly Row[] = [
    ...renderDigest(artifact),
    ['key', `${labelKey(key, painter)}${algorithm}`],
    ...renderPlaces(artifact),
  ]
  return renderBlock(SIGNED, nameWithoutDigest(artifact), rows, painter)
}

function renderPlaces({ bundle, attached = [], logIndex }: SignedDocument): readonly Row[] {
  return [
    ...attached.map((one): Row => ['attached', describeAttached(one)]),
    ...(bundle === undefined ? [] : [['bundle', bundle] as const]),
    ...(logIndex === undefined ? [] : [['log entry', String(logIndex)] as const]),
  ]
}

const LISTINGS: Readonly<Record<string, string>> = {
  api: 'as a bundle, listed by the referrers API',
  tag: 'as a bundle, listed by the referrers tag',
  layout: 'as a bundle, in the layout',
  none: 'as a bundle, not listed',
}

function describeAttached({ format, listedBy }: AttachedDocument): string {
  if (format === 'legacy') return 'in the older layout of cosign'
  return LISTINGS[listedBy] ?? `as a bundle, listed by ${listedBy}`
}

/** What a person should know of the algorithm before the first verifier complains; usually nothing. */
export function algorithmWarning({ algorithm }: PublicKeyInfo): string | undefined {
  if (INTEROPERABLE.has(algorithm.name)) return undefined
  return `${algorithm.name} signatures of artifacts are not verified by every tool; ES256 and RS256 are`
}
