import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTempFolder } from './temp-folder.ts'
import { startLoopbackServer } from './loopback-server.ts'

/** A TUF repository on 127.0.0.1 with one target, and the first root of trust of it. */
export interface TufRepository {
  readonly mirrorURL: string
  readonly rootPath: string
}

/**
 * Serves `trusted_root.json` by TUF (theupdateframework.github.io/specification), signed by a key of its
 * own.
 *
 * @param tamper - changes what is served at one path
 */
export async function startTufRepository(
  trustedRoot: Buffer,
  tamper: (path: string, content: Buffer) => Uint8Array = (_, content) => content,
): Promise<TufRepository> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex')
  const key = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: raw } }
  const keyid = sha256(canonical(key))
  const toSigned = (type: string, members: object): Buffer => {
    const common = {
      _type: type,
      spec_version: '1.0.31',
      version: 1,
      expires: '2099-01-01T00:00:00Z',
    }
    const signed = { ...common, ...members }
    const sig = sign(null, Buffer.from(canonical(signed)), privateKey).toString('hex')
    return Buffer.from(JSON.stringify({ signed, signatures: [{ keyid, sig }] }))
  }
  const role = { keyids: [keyid], threshold: 1 }
  const roles = { root: role, timestamp: role, snapshot: role, targets: role }
  const root = toSigned('root', { consistent_snapshot: true, keys: { [keyid]: key }, roles })
  const hash = sha256(trustedRoot)
  const target = { length: trustedRoot.length, hashes: { sha256: hash } }
  const files = new Map<string, Buffer>([
    ['/timestamp.json', toSigned('timestamp', { meta: { 'snapshot.json': { version: 1 } } })],
    ['/1.snapshot.json', toSigned('snapshot', { meta: { 'targets.json': { version: 1 } } })],
    ['/1.targets.json', toSigned('targets', { targets: { 'trusted_root.json': target } })],
    [`/targets/${hash}.trusted_root.json`, trustedRoot],
  ])
  const server = await startLoopbackServer(({ path }) => {
    const content = files.get(path)
    return content === undefined ? { status: 404 } : { status: 200, body: tamper(path, content) }
  })
  const rootPath = join(createTempFolder(), 'root.json')
  writeFileSync(rootPath, root)
  return { mirrorURL: server.url, rootPath }
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/** Canonical JSON for what is in these files: members sorted, plain ASCII texts, whole numbers. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([name, member]) => `"${name}":${canonical(member)}`).join(',')}}`
}
