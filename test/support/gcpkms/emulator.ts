/**
 * An emulator of Google Cloud KMS, after the reference of its REST API (v1): key rings, keys with labels, versions with
 * their states, `getPublicKey` and `asymmetricSign` with checksums both ways, `testIamPermissions`, and the errors of
 * google.rpc. It really signs, with keys of node:crypto. What it leaves out: quotas, IAM inheritance, locations that lack
 * an algorithm, and the time that a destruction takes. It was not compared with the real service.
 *
 * @packageDocumentation
 */
import { createServer } from 'node:http'
import { checksumOf, createMaterial, type Material, signWith } from './material.ts'

/** A ring of the emulator. */
export const RING = 'projects/acme/locations/europe-west3/keyRings/release'

type State = 'PENDING_GENERATION' | 'ENABLED' | 'DISABLED' | 'DESTROY_SCHEDULED' | 'DESTROYED'

interface Version {
  state: State
  readonly protectionLevel: string
  readonly material: Material
  destroyTime?: string
}

interface CryptoKey {
  readonly labels: unknown
  readonly versions: Version[]
}

/** Something that goes wrong. */
export type GcpFault =
  'corrupt-signature' | 'corrupt-request' | 'corrupt-public-key' | 'other-name' | 'wrong-signature'

/** A running emulator. */
export interface GcpKms extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>
  /** Method and path of every call, in order. */
  readonly calls: readonly string[]
  readonly keys: ReadonlyMap<string, CryptoKey>
  /** Does something wrong, as many times. */
  fail(fault: GcpFault, times?: number): void
  /** Answers an error to calls of one kind, until it is lifted. */
  refuse(verb: string, error: GcpErrorBody | undefined): void
  /** Adds a version to a key, or makes the key. */
  addVersion(key: string, algorithm?: string): void
  setState(key: string, version: number, state: State): void
}

/** An error of google.rpc. */
export interface GcpErrorBody {
  readonly code: number
  readonly status: string
  readonly message: string
  readonly reason?: string
}

/** The token that the emulator takes. */
export const GCP_TOKEN = 'ya29.emulator-token'

/** Starts an emulator. */
export async function startGcpKms(): Promise<GcpKms> {
  const emulator = new Emulator()
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { method = '', url = '', headers } = incoming
      const body = Buffer.concat(chunks).toString()
      const { authorization } = headers
      const { status, value } = emulator.answer({ method, path: url, authorization, body })
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  emulator.env = {
    CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: `http://127.0.0.1:${port}/`,
    CLOUDSDK_AUTH_ACCESS_TOKEN: GCP_TOKEN,
  }
  emulator.close = () => {
    server.closeAllConnections()
    server.close()
  }
  return emulator
}

interface Request {
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
  readonly body: string
}

interface Answer {
  readonly status: number
  readonly value: object
}

class Refusal extends Error {
  readonly body: GcpErrorBody
  constructor(body: GcpErrorBody) {
    super(body.message)
    this.body = body
  }
}

const refusal = (code: number, status: string, message: string): Refusal =>
  new Refusal({ code, status, message })

class Emulator implements GcpKms {
  env: Readonly<Record<string, string>> = {}
  close: () => void = () => undefined
  readonly calls: string[] = []
  readonly keys = new Map<string, CryptoKey>()
  readonly #faults = new Map<GcpFault, number>()
  readonly #refusals = new Map<string, GcpErrorBody>()

  fail(fault: GcpFault, times = 1): void {
    this.#faults.set(fault, times)
  }

  refuse(verb: string, error: GcpErrorBody | undefined): void {
    if (error === undefined) this.#refusals.delete(verb)
    else this.#refusals.set(verb, error)
  }

  addVersion(key: string, algorithm = 'EC_SIGN_P256_SHA256'): void {
    const name = `${RING}/cryptoKeys/${key}`
    const found = this.keys.get(name) ?? { labels: {}, versions: [] }
    found.versions.push(newVersion(algorithm, 'SOFTWARE', 'ENABLED'))
    this.keys.set(name, found)
  }

  setState(key: string, version: number, state: State): void {
    this.#version(`${RING}/cryptoKeys/${key}/cryptoKeyVersions/${version}`).state = state
  }

  answer({ method, path, authorization, body }: Request): Answer {
    const url = new URL(path, 'http://localhost')
    const resource = url.pathname.replace('/v1/', '')
    this.calls.push(`${method} ${resource}`)
    try {
      if (authorization !== `Bearer ${GCP_TOKEN}`) {
        throw refusal(401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.')
      }
      const sent = body === '' ? {} : (JSON.parse(body) as Sent)
      return { status: 200, value: this.#act(method, resource, { query: url.searchParams, sent }) }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const { reason, ...members } = error.body
      const details =
        reason === undefined
          ? []
          : [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason }]
      return { status: members.code, value: { error: { ...members, details } } }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }

  #act(method: string, resource: string, given: Given): object {
    const [name = '', verb = ''] = resource.split(':')
    const kind = kindOf(method, name, verb)
    const refused = this.#refusals.get(kind)
    if (refused !== undefined) throw new Refusal(refused)
    const actions: Readonly<Record<string, () => object>> = {
      create: () => this.#create(name, given),
      list: () => this.#list(name.replace('/cryptoKeyVersions', '')),
      getPublicKey: () => this.#publicKey(name.replace('/publicKey', '')),
      asymmetricSign: () => this.#sign(name, given.sent),
      testIamPermissions: () => ({ permissions: given.sent.permissions ?? [] }),
    }
    const act = actions[kind] ?? (() => this.#change(name, `${method} ${verb}`, given.sent))
    return act()
  }

  #create(collection: string, { query, sent }: Given): object {
    const name = `${collection}/${query.get('cryptoKeyId') ?? ''}`
    if (this.keys.has(name))
      throw refusal(409, 'ALREADY_EXISTS', `CryptoKey ${name} already exists.`)
    const { algorithm = '', protectionLevel = '' } = sent.versionTemplate ?? {}
    const version = newVersion(algorithm, protectionLevel, 'PENDING_GENERATION')
    this.keys.set(name, { labels: sent.labels ?? {}, versions: [version] })
    return { name, purpose: 'ASYMMETRIC_SIGN' }
  }

  #list(key: string): object {
    const versions = this.#key(key).versions.map(({ state }, index) => ({
      name: `${key}/cryptoKeyVersions/${index + 1}`,
      state,
    }))
    return { cryptoKeyVersions: versions.filter(({ state }) => state === 'ENABLED') }
  }

  #publicKey(name: string): object {
    const { pem, algorithm } = this.#enabled(name).material
    const pemCrc32c = String(
      checksumOf(Buffer.from(pem)) + (this.#isFaulty('corrupt-public-key') ? 1 : 0),
    )
    return { name: this.#isFaulty('other-name') ? `${name}1` : name, algorithm, pem, pemCrc32c }
  }

  #sign(name: string, sent: Sent): object {
    const version = this.#enabled(name)
    const input = Buffer.from(Object.values(sent.digest ?? {})[0] ?? sent.data ?? '', 'base64')
    const given = sent.digestCrc32c ?? sent.dataCrc32c
    const isIntact = given === String(checksumOf(input)) && !this.#isFaulty('corrupt-request')
    const { material } = version
    const isWrong = this.#isFaulty('wrong-signature')
    const signature = signWith(isWrong ? createMaterial(material.algorithm) : material, input)
    const verified = sent.data === undefined ? 'verifiedDigestCrc32c' : 'verifiedDataCrc32c'
    return {
      name: this.#isFaulty('other-name') ? `${name}1` : name,
      signature: Buffer.from(signature).toString('base64'),
      signatureCrc32c: String(
        checksumOf(signature) + (this.#isFaulty('corrupt-signature') ? 1 : 0),
      ),
      [verified]: isIntact,
      protectionLevel: version.protectionLevel,
    }
  }

  #change(name: string, what: string, sent: Sent): object {
    if (!name.includes('/cryptoKeyVersions/')) return { name, labels: this.#key(name).labels }
    const version = this.#version(name)
    if (what === 'PATCH ' && sent.state !== undefined) version.state = sent.state
    if (what === 'POST destroy') {
      version.state = 'DESTROY_SCHEDULED'
      version.destroyTime = '2026-12-30T10:00:00Z'
    }
    if (what === 'POST restore') version.state = 'DISABLED'
    const { state, protectionLevel, destroyTime } = version
    const { algorithm } = version.material
    // Generation takes one look.
    if (state === 'PENDING_GENERATION') version.state = 'ENABLED'
    return { name, state, algorithm, protectionLevel, destroyTime }
  }

  #isFaulty(fault: GcpFault): boolean {
    const left = this.#faults.get(fault) ?? 0
    this.#faults.set(fault, left - 1)
    return left > 0
  }

  #key(name: string): CryptoKey {
    const found = this.keys.get(name)
    if (found === undefined) throw refusal(404, 'NOT_FOUND', `CryptoKey ${name} not found.`)
    return found
  }

  #version(name: string): Version {
    const [key = '', number = ''] = name.split('/cryptoKeyVersions/')
    const found = this.#key(key).versions[Number(number) - 1]
    if (found === undefined) throw refusal(404, 'NOT_FOUND', `CryptoKeyVersion ${name} not found.`)
    return found
  }

  #enabled(name: string): Version {
    const version = this.#version(name)
    if (version.state === 'ENABLED') return version
    throw refusal(
      400,
      'FAILED_PRECONDITION',
      `${name} is not enabled, current state is: ${version.state}.`,
    )
  }
}

function kindOf(method: string, name: string, verb: string): string {
  if (name.endsWith('/publicKey')) return 'getPublicKey'
  if (name.endsWith('/cryptoKeys')) return 'create'
  if (name.endsWith('/cryptoKeyVersions')) return 'list'
  return verb === '' ? method : verb
}

interface Sent {
  readonly versionTemplate?: { readonly algorithm?: string; readonly protectionLevel?: string }
  readonly labels?: unknown
  readonly digest?: Readonly<Record<string, string>>
  readonly digestCrc32c?: string
  readonly data?: string
  readonly dataCrc32c?: string
  readonly state?: State
  readonly permissions?: readonly string[]
}

interface Given {
  readonly query: URLSearchParams
  readonly sent: Sent
}

function newVersion(algorithm: string, protectionLevel: string, state: State): Version {
  return { state, protectionLevel, material: createMaterial(algorithm) }
}
