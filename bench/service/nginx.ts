/** Nginx that serves one file. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'

/** A running nginx. */
export interface Nginx extends AsyncDisposable {
  readonly address: string
}

/** One answer, to GET at one path. */
export interface NginxPage {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Whether nginx is here. */
export function isNginxInstalled(): boolean {
  return spawnSync('nginx', ['-v']).error === undefined
}

/** Starts it with one worker, as one process of ours is one. */
export async function startNginx(page: NginxPage, folder: string): Promise<Nginx> {
  const home = join(folder, 'nginx')
  mkdirSync(home)
  writeFileSync(join(home, 'page'), page.body)
  const port = await freePort()
  writeFileSync(join(home, 'nginx.conf'), configure(page, home, port))
  const child = spawn('nginx', ['-p', home, '-c', join(home, 'nginx.conf'), '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'ignore'],
  })
  const address = `http://127.0.0.1:${port}`
  const stop = async (): Promise<void> => {
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    await exit
  }
  for (let left = 100; !(await answers(address + page.path)); left -= 1) {
    if (left === 0 || child.exitCode !== null) throw new Error('nginx does not answer')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { address, [Symbol.asyncDispose]: stop }
}

function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  )
}

function configure({ path, headers }: NginxPage, home: string, port: number): string {
  // Nginx writes these itself, and an ETag of its own kind.
  const added = Object.entries(headers)
    .filter(([name]) => name !== 'content-type' && name !== 'etag')
    .map(([name, value]) => `add_header ${name} ${JSON.stringify(value)};`)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${home}/${name};`,
  )
  return `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${home}/nginx.pid;
events { worker_connections 512; }
http {
  access_log off;
  keepalive_requests 1000000000;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=10;
  ${temporary.join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    location = ${path} {
      types {}
      default_type ${headers['content-type'] ?? 'application/json'};
      alias ${home}/page;
      ${added.join('\n      ')}
    }
  }
}
`
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const closed = once(server, 'close')
  server.close()
  await closed
  return port
}
