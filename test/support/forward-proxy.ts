/** A small forward proxy as companies have: tunnels by `CONNECT`, whole addresses for plain http, a login where asked. */
import { createServer, type IncomingMessage, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { listen } from './raw-server.ts'

/** A proxy that runs until the end of the test. */
export interface ForwardProxy {
  /** Without a login. */
  readonly url: URL
  /** What it was asked for, in order: `CONNECT host:port`, `GET http://…`. */
  readonly requests: readonly string[]
}

/** What a proxy does. */
export interface ForwardProxyOptions {
  /** Where hosts are, by name; one that is not named is not found. */
  readonly hosts?: Readonly<Record<string, URL>>
  /** `user:password`; default: none is asked for. */
  readonly login?: string
  /** Answered to everything in place of what was asked for. */
  readonly refusal?: number
}

/** Starts a proxy on loopback. */
export async function startForwardProxy({
  hosts = {},
  login,
  refusal,
}: ForwardProxyOptions = {}): Promise<ForwardProxy> {
  const requests: string[] = []
  const expected = login && `Basic ${Buffer.from(login).toString('base64')}`
  const admit = ({ method = '', url = '', headers }: IncomingMessage): number | undefined => {
    requests.push(`${method} ${url}`)
    if (refusal !== undefined) return refusal
    return expected === undefined || headers['proxy-authorization'] === expected ? undefined : 407
  }
  const server = createServer((incoming, response) => {
    const url = URL.parse(incoming.url ?? '')
    const target = hosts[url?.hostname ?? '']
    const status = admit(incoming) ?? (url === null || target === undefined ? 502 : undefined)
    if (status !== undefined || url === null || target === undefined) {
      response.writeHead(status ?? 502).end()
      return
    }
    const onward = new URL(`${url.pathname}${url.search}`, target)
    const { method = 'GET', headers } = incoming
    const sent = httpRequest(
      onward,
      { method, headers: { ...headers, host: url.host } },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    incoming.pipe(sent)
  })
  server.on('connect', (incoming, client) => {
    const target = hosts[(incoming.url ?? '').replace(/:\d+$/, '')]
    const status = admit(incoming) ?? (target === undefined ? 502 : undefined)
    if (status !== undefined || target === undefined) {
      client.end(`HTTP/1.1 ${status ?? 502} Refused\r\n\r\n`)
      return
    }
    const onward = connect(Number(target.port), target.hostname, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      onward.pipe(client).pipe(onward)
    })
    onward.on('error', () => client.destroy())
    client.on('error', () => onward.destroy())
    client.on('close', () => onward.destroy())
  })
  const port = await listen(server, '127.0.0.1')
  return { url: new URL(`http://127.0.0.1:${port}`), requests }
}
