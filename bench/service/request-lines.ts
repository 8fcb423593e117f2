/** Requests in a file, one a line: what all generators of load read. */
import { readFileSync, writeFileSync } from 'node:fs'

/** One request as every generator of load sends it. */
export interface LoadRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly token?: string | undefined
  readonly body?: string | undefined
  /** Whether it carries an Idempotency-Key, a new one each time it is sent. */
  readonly isKeyed?: boolean
}

const LINE = /^(GET|POST) ([^\t]*)\t([^\t]*)\t(keyed)?\t(.*)$/

/** Writes requests in the form that generators of load read. */
export function writeRequests(path: string, requests: readonly LoadRequest[]): string {
  const lines = requests.map(({ method, path: target, token = '', body = '', isKeyed = false }) =>
    [`${method} ${target}`, token, isKeyed ? 'keyed' : '', `${body}\n`].join('\t'),
  )
  writeFileSync(path, lines.join(''))
  return path
}

/** A request as it was read: with no body, an empty one. */
export interface ReadRequest extends LoadRequest {
  readonly token: string
  readonly body: string
}

/** Reads them again. */
export function readRequests(path: string): readonly ReadRequest[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  return lines.map((line) => {
    const [, method, target = '', token = '', keyed, body = ''] = LINE.exec(line) ?? []
    const isKeyed = keyed !== undefined
    return { method: method === 'GET' ? 'GET' : 'POST', path: target, token, body, isKeyed }
  })
}

/** The headers that the client of the command line and the Action sends. */
export function headersOf(
  { body = '', isKeyed = false, token = '' }: LoadRequest,
  idempotencyKey: () => string,
): Readonly<Record<string, string>> {
  return {
    ...(token !== '' && { authorization: `Bearer ${token}` }),
    ...(body !== '' && { 'content-type': 'application/json', accept: 'application/json' }),
    ...(isKeyed && { 'idempotency-key': idempotencyKey() }),
  }
}
