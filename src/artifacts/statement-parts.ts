/** Dealing out subjects to statements: each once, and no more than a statement takes. */
import { digestHash, digestHex } from '../crypto/digest.ts'
import type { Subject } from '../formats/statement.ts'
import type { SigningSubject } from './artifact-signer.ts'

/** One statement to be made. */
export interface StatementPart<S> {
  /** Each name and content once. */
  readonly named: readonly [S, ...S[]]
  /** All that were given, also those that are the same subject. */
  readonly subjects: readonly [S, ...S[]]
}

/** Splits subjects into statements of at most `size`, in their order. */
export function splitSubjects<S extends SigningSubject>(
  subjects: readonly S[],
  size: number,
): readonly StatementPart<S>[] {
  // Two paths may lead to one name and content: that is one subject.
  const groups = [...Map.groupBy(subjects, (one) => JSON.stringify(toSubject(one))).values()]
  const parts: StatementPart<S>[] = []
  for (let at = 0; at < groups.length; at += size) {
    const some = groups.slice(at, at + size)
    const [first, ...more] = some.flatMap(([one]) => one ?? [])
    const [any, ...others] = some.flat()
    if (first !== undefined && any !== undefined) {
      parts.push({ named: [first, ...more], subjects: [any, ...others] })
    }
  }
  return parts
}

/** What a statement says of an artifact, with all digests that are known. */
export function toSubject({ subjectName, digests }: SigningSubject): Subject {
  const digest = Object.fromEntries(digests.map((one) => [digestHash(one), digestHex(one)]))
  return { ...(subjectName === undefined ? {} : { name: subjectName }), digest }
}
