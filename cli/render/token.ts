/** The verdict on a token, as text. */
import type { TokenDocument } from '../../src/verification/token-result.ts'
import {
  labelKey,
  type Painter,
  renderBlock,
  renderRows,
  type Row,
  FAILED,
  PASSED,
} from './layout.ts'
import { renderCheck, toFailureRows, toRows } from './verify.ts'

/** Renders the verdict: of a good token whose it is and until when, of a bad one what failed. */
export function renderTokenVerdict(token: TokenDocument, painter: Painter): string {
  const { key, claims, expires = '', checks, error } = token
  const examined = painter.verbose ? renderRows(checks.flatMap(renderCheck), painter, 4) : []
  if (error !== undefined) {
    const causes = painter.verbose ? [] : checks.flatMap((check) => toRows(check, error.message))
    const rows = toFailureRows(error, causes, painter)
    return [renderBlock(FAILED, 'token', rows, painter), ...examined].join('\n')
  }
  const subject = claims?.['sub']
  const name = typeof subject === 'string' ? `token of ${subject}` : 'token'
  const signer = `by ${labelKey(key ?? {}, painter)} (${key?.algorithm ?? ''})`
  const rows: readonly Row[] = [
    ['signed', signer],
    ['expires', expires],
  ]
  return [renderBlock(PASSED, name, rows, painter), ...examined].join('\n')
}
