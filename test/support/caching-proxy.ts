/**
 * nginx before several servers: it takes turns among them, and keeps what they let caches keep, for as long
 * as they say. Knows nothing of vitest.
 *
 * How stale its answers can be: it counts in whole seconds and keeps through the last one, so an answer
 * with `max-age=N` may be almost N + 1 s old ({@link proxyStalenessSeconds}), and its clients start their
 * own time from there.
 *
 * @packageDocumentation
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from './free-port.ts'

/** A running proxy. */
export interface CachingProxy {
  readonly url: string
  stop(): Promise<void>
}

/** The header in which the proxy says where an answer comes from: `HIT`, `MISS`, `EXPIRED`. */
export const CACHE_STATUS = 'x-cache-status'

const START_MS = 20_000

/** How old an answer of the proxy may be that was served with a `max-age`. */
export function proxyStalenessSeconds(maxAgeSeconds: number): number {
  return maxAgeSeconds + 1
}

/**
 * Starts nginx before servers, each `http://127.0.0.1:PORT`.
 *
 * @throws Error — it is not installed, naming the package, or does not start
 */
export async function startCachingProxy(upstreams: readonly string[]): Promise<CachingProxy> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-nginx-'))
  const port = await freePort()
  const config = join(folder, 'nginx.conf')
  writeFileSync(config, configuration(folder, port, upstreams))
  const child = spawn('nginx', ['-p', folder, '-e', 'stderr', '-c', config], {
    // Debian puts it where only root looks.
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const url = `http://127.0.0.1:${port}`
  const stop = async (): Promise<void> => {
    await end(child)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await untilAnswering(child, url)
  } catch (error) {
    await stop()
    throw error
  }
  return { url, stop }
}

/** One process without privileges, with all its files in the folder. */
function configuration(folder: string, port: number, upstreams: readonly string[]): string {
  const servers = upstreams.map((url) => `server ${new URL(url).host};`).join(' ')
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const folders = kinds.map((kind) => `${kind}_temp_path ${join(folder, kind)};`).join(' ')
  return `
daemon off;
master_process off;
pid ${join(folder, 'nginx.pid')};
error_log stderr warn;
events {}
http {
  access_log off;
  ${folders}
  proxy_cache_path ${join(folder, 'cache')} keys_zone=published:1m;
  upstream replicas { ${servers} }
  server {
    listen 127.0.0.1:${port};
    location = /proxy-is-up { return 204; }
    location / {
      proxy_pass http://replicas;
      proxy_cache published;
      proxy_cache_revalidate on;
      add_header ${CACHE_STATUS} $upstream_cache_status;
    }
  }
}
`
}

/** It says nothing when it is ready, so it is asked. */
async function untilAnswering(child: ChildProcess, url: string): Promise<void> {
  const said: string[] = []
  child.stderr?.setEncoding('utf8').on('data', (text: string) => said.push(text))
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (cause) => {
      reject(new Error('nginx is missing: apt-get install nginx-light', { cause }))
    })
    child.once('exit', () => {
      reject(new Error(`nginx ended before it listened:\n${said.join('')}`))
    })
  })
  await Promise.race([failed, polled(url)])
}

async function polled(url: string): Promise<void> {
  const deadline = AbortSignal.timeout(START_MS)
  for (;;) {
    const answer = await fetch(`${url}/proxy-is-up`, { signal: deadline }).catch(() => undefined)
    if (answer?.ok === true) return
    await delay(50, undefined, { signal: deadline })
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill()
  await ended
}
