/**
 * Every parser of this project, with the longest input it takes and the worst inputs known. The tests hold
 * how its cost grows, `npm run bench -- --only parsers` measures each at its limit.
 *
 * @packageDocumentation
 */
import { DOCUMENT_PARSERS } from './parsers/documents.ts'
import { KEY_PARSERS } from './parsers/keys.ts'
import type { ParserAtLimit } from './parsers/limits.ts'
import { TEXT_PARSERS } from './parsers/texts.ts'

/** All of them. */
export const PARSERS: readonly ParserAtLimit[] = [
  ...DOCUMENT_PARSERS,
  ...KEY_PARSERS,
  ...TEXT_PARSERS,
]
