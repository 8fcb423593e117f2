/** `GET /metrics` on an address of its own, without authentication: it is for a network that only operators reach. */
import { fastify } from 'fastify'
import { closeInTime, listen, type ListenSettings } from '../http/listening.ts'
import type { ServiceMetrics } from './service-metrics.ts'

/** Where metrics are read. Disposing it finishes what runs. */
export interface MetricsListener extends AsyncDisposable {
  readonly address: string
}

const TIMEOUT_MS = 10_000
const CHECKING_MS = 1000
const DRAIN_MS = 1000

/**
 * Serves metrics.
 *
 * @throws {@link CountersignError} ERR_NETWORK — the address is taken
 */
export async function listenForMetrics(
  metrics: Pick<ServiceMetrics, 'read' | 'mediaType'>,
  settings: Omit<ListenSettings, 'tls'>,
): Promise<MetricsListener> {
  const app = fastify({
    http: {
      requestTimeout: TIMEOUT_MS,
      headersTimeout: TIMEOUT_MS,
      connectionsCheckingInterval: CHECKING_MS,
    },
    bodyLimit: 1,
    forceCloseConnections: 'idle',
  })
  // One at a time: a reader that comes meanwhile gets the same text.
  let running: Promise<string> | undefined
  const read = (): Promise<string> =>
    (running ??= metrics.read().finally(() => {
      running = undefined
    }))
  app.get('/metrics', async (_request, reply) =>
    reply
      .header('cache-control', 'no-store')
      .type(metrics.mediaType)
      .send(await read()),
  )
  const address = await listen(app, { ...settings, tls: undefined, setting: 'serve.metrics' })
  return { address, [Symbol.asyncDispose]: () => closeInTime(app, DRAIN_MS) }
}
