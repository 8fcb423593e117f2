import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LOCALSTACK, OCIREGISTRY, ZOT } from '../../../tools/interop/peers.ts'
import { folderOf } from './needs.ts'
import { type RunningServer, startOnFreePort, startTellingServer } from './program.ts'

/** Starts CUE Labs' registry, empty: it has the referrers API. */
export function startOciRegistry(): Promise<RunningServer> {
  return startTellingServer({ command: join(folderOf(OCIREGISTRY), 'registry'), args: [] })
}

/** Starts zot, empty: it has the referrers API. */
export async function startZot(): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-zot-'))
  const config = join(folder, 'config.json')
  const server = await startOnFreePort((port) => {
    const http = { address: '127.0.0.1', port: String(port) }
    const storage = { rootDirectory: join(folder, 'storage') }
    const log = { level: 'error' }
    writeFileSync(config, JSON.stringify({ distSpecVersion: '1.1.1', storage, http, log }))
    return { command: join(folderOf(ZOT), 'zot'), args: ['serve', config] }
  }, '/v2/')
  return withFolder(server, folder)
}

/** Starts one of localstack's services, empty. It takes any credentials; its account is 000000000000. */
export async function startLocalstack(service: 'kms' | 's3' = 'kms'): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-localstack-'))
  const bin = join(folderOf(LOCALSTACK), 'venv/bin')
  const server = await startOnFreePort(
    (port) => ({
      command: join(bin, 'python'),
      args: ['-m', 'localstack.runtime.main'],
      env: {
        PATH: `${bin}:/usr/bin:/bin`,
        HOME: folder,
        TMPDIR: folder,
        FILESYSTEM_ROOT: folder,
        OVERRIDE_IN_DOCKER: '0',
        GATEWAY_LISTEN: `127.0.0.1:${port}`,
        GATEWAY_SERVER: 'hypercorn',
        SERVICES: service,
        EAGER_SERVICE_LOADING: '1',
        // It must not send requests outside.
        DISABLE_EVENTS: '1',
        SKIP_SSL_CERT_DOWNLOAD: '1',
        SKIP_INFRA_DOWNLOADS: '1',
      },
    }),
    '/_localstack/health',
  )
  return withFolder(server, folder)
}

function withFolder(server: RunningServer, folder: string): RunningServer {
  return {
    host: server.host,
    stop: async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
