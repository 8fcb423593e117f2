/** Taking an address, and giving it back without losing a request. */
import type { FastifyInstance } from 'fastify'
import { CountersignError } from '../../errors.ts'

/** Where to listen. */
export interface ListenSettings {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  /** Undefined: plain http. */
  readonly tls: object | undefined
  /** The setting that chooses it, for an error; default `serve.listen`. */
  readonly setting?: string
}

/** Whether only this machine reaches a host. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.[0-9.]+$/.test(host)
}

/** The address of a place to listen: `http://[::1]:8080`. */
export function listeningOrigin({ host, port, tls }: ListenSettings): string {
  const name = host.includes(':') ? `[${host}]` : host
  return `${tls === undefined ? 'http' : 'https'}://${name}:${port}`
}

/**
 * Listens, and answers the address that was taken.
 *
 * @throws {@link CountersignError} ERR_NETWORK — it can't be taken
 */
export async function listen(app: FastifyInstance, settings: ListenSettings): Promise<string> {
  const { host, port, setting = 'serve.listen' } = settings
  try {
    await app.listen({ host, port })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown'
    throw new CountersignError('ERR_NETWORK', `can't listen on ${host}:${port}: ${why}`, {
      hint: `choose another address: ${setting} in countersign.yaml`,
      reason: 'address-not-taken',
      cause,
    })
  }
  const bound = app.server.address()
  const taken = typeof bound === 'object' ? bound?.port : undefined
  return listeningOrigin({ ...settings, port: taken ?? port })
}

/** Refuses what is new, waits for what runs, and cuts off what does not end in time. */
export async function stopListening(
  app: FastifyInstance,
  { requestsMs }: { readonly requestsMs: number },
): Promise<void> {
  app.drain()
  await closeInTime(app, requestsMs)
}

/** Waits for what runs, and cuts off what does not end in time. */
export async function closeInTime(app: FastifyInstance, drainMs: number): Promise<void> {
  const timer = setTimeout(() => {
    app.server.closeAllConnections()
  }, drainMs)
  await app.close()
  clearTimeout(timer)
}
