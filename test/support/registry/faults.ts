/** Ways in which a registry misbehaves, each for the next answers to matching requests. */
import type { ServerResponse } from 'node:http'

/** One misbehaviour. */
export interface Fault {
  /** Matched against `METHOD /path?query`. */
  readonly on: RegExp
  /** How many requests it hits; default all. */
  times?: number
  readonly answer: (response: ServerResponse) => void
}

/** Answers a status, with the body a registry would send or another. */
export function refuse(
  status: number,
  headers: Readonly<Record<string, string>> = {},
  body: unknown = { errors: [{ code: 'UNKNOWN', message: `status ${status}` }] },
): Fault['answer'] {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}

/** Promises more than it sends, and hangs up. */
export function truncate(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': '1000' })
  response.write('{"schemaVersion":2,', () => response.destroy())
}

/** Sends without end until the client hangs up. */
export function flood(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/vnd.oci.image.index.v1+json' })
  const chunk = Buffer.alloc(64 * 1024, ' ')
  const pour = (): void => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', pour)
  }
  pour()
}

/** Hangs up at once. */
export function hangUp(response: ServerResponse): void {
  response.destroy()
}
