/** OpenBao as operators run it: raft storage, a file as audit device, keys in a transit engine, a token with a policy. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../test/support/free-port.ts'
import { ensurePeer } from '../../tools/interop/peer.ts'
import { OPENBAO, OPENBAO_PROGRAM } from '../../tools/interop/peers.ts'
import { onCores } from './cores.ts'

/** The version that is measured. */
export const OPENBAO_VERSION: string = OPENBAO.version

/** A running server. */
export interface OpenBao extends AsyncDisposable {
  readonly address: string
  /** May sign with the keys, and nothing else. */
  readonly token: string
  /** PEM by the name of the key. */
  readonly publicKeys: Readonly<Record<string, string>>
  /** Of the audit file; it grows with every request. */
  readonly auditBytes: () => number
}

/** Keys of the transit engine, with their types. */
const TRANSIT_KEYS = { es256: 'ecdsa-p256', rs256: 'rsa-3072' } as const

/** Why it is not here; undefined where it is. Installs it if need be. */
export function findOpenBao(): string | undefined {
  const presence = ensurePeer(OPENBAO)
  return presence.isThere ? undefined : presence.reason
}

/** Starts one in a folder. */
export async function startOpenBao(parent: string, cores?: string): Promise<OpenBao> {
  const presence = ensurePeer(OPENBAO)
  if (!presence.isThere) throw new Error(`OpenBao: ${presence.reason}`)
  const folder = join(parent, 'openbao')
  mkdirSync(join(folder, 'raft'), { recursive: true })
  const [port, clusterPort] = [await freePort(), await freePort()]
  const address = `http://127.0.0.1:${port}`
  const audit = join(folder, 'audit.log')
  writeFileSync(join(folder, 'server.hcl'), configure({ folder, port, clusterPort, audit }))
  const program = join(presence.folder, OPENBAO_PROGRAM)
  const run = onCores(cores, program, ['server', `-config=${join(folder, 'server.hcl')}`])
  const child = spawn(run.command, run.args, { stdio: 'ignore', env: { HOME: folder } })
  try {
    const ready = await prepare(address, child)
    const auditBytes = (): number => statSync(audit).size
    if (auditBytes() === 0) throw new Error('OpenBao writes no audit log')
    return { address, ...ready, auditBytes, [Symbol.asyncDispose]: () => stop(child) }
  } catch (error) {
    await stop(child)
    throw error
  }
}

interface Places {
  readonly folder: string
  readonly port: number
  readonly clusterPort: number
  readonly audit: string
}

function configure({ audit, clusterPort, folder, port }: Places): string {
  return `
storage "raft" {
  path = "${folder}/raft"
  node_id = "bench"
}
listener "tcp" {
  address = "127.0.0.1:${port}"
  cluster_address = "127.0.0.1:${clusterPort}"
  tls_disable = true
}
api_addr = "http://127.0.0.1:${port}"
cluster_addr = "http://127.0.0.1:${clusterPort}"
log_level = "error"
audit "file" "file" {
  options {
    file_path = "${audit}"
  }
}
`
}

type Answer = Readonly<Record<string, unknown>>
type Ask = (method: string, path: string, body?: object) => Promise<Answer>

async function prepare(
  address: string,
  child: ChildProcess,
): Promise<Pick<OpenBao, 'publicKeys' | 'token'>> {
  await until(`${address}/v1/sys/init`, child)
  const first = await asking(address)('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 })
  const { keys, root_token: root } = first as { keys: readonly string[]; root_token: string }
  const ask = asking(address, root)
  await ask('PUT', 'sys/unseal', { key: keys[0] })
  // Answers 200 once it leads its cluster of one.
  await until(`${address}/v1/sys/health`, child)
  await ask('POST', 'sys/mounts/transit', { type: 'transit' })
  const publicKeys: Record<string, string> = {}
  for (const [name, type] of Object.entries(TRANSIT_KEYS)) {
    await ask('POST', `transit/keys/${name}`, { type })
    const { data } = (await ask('GET', `transit/keys/${name}`)) as { data: TransitKey }
    publicKeys[name] = data.keys['1'].public_key
  }
  const policy = 'path "transit/sign/*" { capabilities = ["update"] }'
  await ask('PUT', 'sys/policies/acl/bench', { policy })
  const made = await ask('POST', 'auth/token/create', { policies: ['bench'] })
  const { client_token: token } = made['auth'] as { client_token: string }
  return { token, publicKeys }
}

interface TransitKey {
  readonly keys: { readonly 1: { readonly public_key: string } }
}

function asking(address: string, token?: string): Ask {
  return async (method, path, body) => {
    const response = await fetch(`${address}/v1/${path}`, {
      method,
      headers: token === undefined ? {} : { 'x-vault-token': token },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`OpenBao, ${method} ${path}: ${response.status} ${text}`)
    return (text === '' ? {} : JSON.parse(text)) as Answer
  }
}

async function until(url: string, child: ChildProcess): Promise<void> {
  for (let left = 600; left > 0 && child.exitCode === null; left -= 1) {
    const isReady = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    )
    if (isReady) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`OpenBao does not answer at ${url}`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}
