/**
 * How far apart entries with a label are, by which the index of labels places it: rows of labels that no other
 * entry has are by far the most, and their keys are random.
 *
 * @packageDocumentation
 */

/**
 * `rare`: of changes, which are few however long the log is; all of one label are together. `unique`: of one
 * entry or a few; they are indexed by the time they were appended. `frequent`: of a great part of all entries;
 * the index has blocks of entries, of which at least one has the label.
 */
export type LabelScope = 'rare' | 'unique' | 'frequent'

/** Entries of a block. */
export const LABEL_BLOCK = 64

const RARE_TYPES: ReadonlySet<string> = new Set([
  'state',
  'approval',
  'rules',
  'keyRules',
  'clock',
  'logNames',
  'restore',
])

/** The scope of a label: it follows from its text alone. */
export function scopeOf(label: string): LabelScope {
  const [kind = ''] = label.split(':', 1)
  switch (kind) {
    case 'state':
    case 'approval':
      return 'rare'
    case 'type':
      return RARE_TYPES.has(label.slice('type:'.length)) ? 'rare' : 'frequent'
    case 'key':
    case 'kid':
      return 'frequent'
    default:
      return 'unique'
  }
}

/** First entry of the block that an entry is in. */
export function blockOf(index: number): number {
  return index - (index % LABEL_BLOCK)
}
