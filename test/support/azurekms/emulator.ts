/**
 * An emulator of Azure Key Vault, after the reference of its REST API (7.4): keys with versions, attributes and tags,
 * `sign`, soft deletion and recovery, the challenge of an unauthenticated request, and the errors that the documentation
 * and reported issues show. It plays the authority that gives out tokens, too. It really signs, with keys of node:crypto.
 * What it leaves out: roles and access policies, limits, the tiers of vaults, other types of keys, and the seconds that a
 * deletion or recovery takes. It was not compared with the real service.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { type AzureMaterial, createAzureMaterial, signDigestWith } from './material.ts'

/** Host of the vault that references name. */
export const VAULT = 'acme.vault.azure.net'
/** The tenant whose credentials the emulator takes. */
export const TENANT = '11111111-2222-3333-4444-555555555555'
/** Never in an error. */
export const CLIENT_SECRET = 'the-secret-of-the-client'

const SCOPES = ['https://vault.azure.net/.default', 'https://managedhsm.azure.net/.default']

/** What Key Vault states of a version. */
export interface AzureAttributes {
  enabled?: boolean
  nbf?: number
  exp?: number
}

interface Version {
  readonly id: string
  readonly material: AzureMaterial
  readonly keyOps: readonly string[]
  readonly tags: unknown
  attributes: AzureAttributes
}

/** Something that goes wrong with an answer. */
export type AzureFault = 'other-key' | 'other-version' | 'short-signature' | 'der' | 'wrong-key'

/** An error as Key Vault writes it. */
export interface AzureRefusal {
  readonly status: number
  readonly code?: string
  readonly inner?: string
  readonly message?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A running emulator. */
export interface AzureKeyVault extends AsyncDisposable {
  /** Address of the emulator and credentials for it. */
  readonly env: Readonly<Record<string, string>>
  readonly url: string
  /** Method and path of every call of the API, in order. */
  readonly calls: readonly string[]
  /** Forms that the authority got. */
  readonly logins: readonly Readonly<Record<string, string>>[]
  /** Does something wrong, once. */
  fail(fault: AzureFault): void
  /** Answers an error to calls of one kind (`sign`, `GET`…), until it is lifted. */
  refuse(kind: string, refusal: AzureRefusal | undefined): void
  /** Adds a version to a key, or makes the key. */
  addVersion(key: string, attributes?: AzureAttributes, keyOps?: readonly string[]): string
  /** The token that is valid from now on; others are refused. */
  setToken(token: string): void
}

/** Starts an emulator. */
export async function startAzureKeyVault(): Promise<AzureKeyVault> {
  const emulator = new Emulator()
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { method = '', url: path = '', headers } = incoming
      const body = Buffer.concat(chunks).toString()
      const { authorization = '' } = headers
      const answer = emulator.answer({ method, path, authorization, body })
      const type = { 'content-type': 'application/json; charset=utf-8' }
      response
        .writeHead(answer.status, { ...type, ...answer.headers })
        .end(JSON.stringify(answer.value))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  emulator.url = `http://127.0.0.1:${port}`
  emulator.close = () => {
    server.closeAllConnections()
    server.close()
  }
  return emulator
}

interface Request {
  readonly method: string
  readonly path: string
  readonly authorization: string
  readonly body: string
}

interface Answer {
  readonly status: number
  readonly value: object
  readonly headers?: Readonly<Record<string, string>>
}

interface Sent {
  readonly kty?: string
  readonly crv?: string
  readonly key_size?: number
  readonly key_ops?: readonly string[]
  readonly tags?: unknown
  readonly attributes?: AzureAttributes
  readonly alg?: string
  readonly value?: string
}

class Refusal extends Error {
  readonly given: AzureRefusal
  constructor(given: AzureRefusal) {
    super(given.message)
    this.given = given
  }
}

const missing = (key: string): Refusal =>
  new Refusal({
    status: 404,
    code: 'KeyNotFound',
    message: `A key with (name/id) ${key} was not found in this key vault.`,
  })

class Emulator implements AzureKeyVault {
  url = ''
  close: () => void = () => undefined
  readonly calls: string[] = []
  readonly logins: Record<string, string>[] = []
  readonly #keys = new Map<string, Version[]>()
  readonly #deleted = new Map<string, Version[]>()
  readonly #faults = new Set<AzureFault>()
  readonly #refusals = new Map<string, AzureRefusal>()
  #token = 'a-token-of-entra'

  get env(): Readonly<Record<string, string>> {
    return {
      COUNTERSIGN_AZUREKMS_ENDPOINT: this.url,
      AZURE_AUTHORITY_HOST: this.url,
      AZURE_TENANT_ID: TENANT,
      AZURE_CLIENT_ID: 'the-client',
      AZURE_CLIENT_SECRET: CLIENT_SECRET,
    }
  }

  setToken(token: string): void {
    this.#token = token
  }

  fail(fault: AzureFault): void {
    this.#faults.add(fault)
  }

  refuse(kind: string, refusal: AzureRefusal | undefined): void {
    if (refusal === undefined) this.#refusals.delete(kind)
    else this.#refusals.set(kind, refusal)
  }

  addVersion(key: string, attributes: AzureAttributes = {}, keyOps = ['sign', 'verify']): string {
    const version = newVersion({ kty: 'EC', crv: 'P-256', attributes, key_ops: keyOps })
    this.#keys.set(key, [...(this.#keys.get(key) ?? []), version])
    return version.id
  }

  answer({ method, path, authorization, body }: Request): Answer {
    const url = new URL(path, this.url)
    if (url.pathname.endsWith('/oauth2/v2.0/token')) return this.#login(url, body)
    this.calls.push(`${method} ${url.pathname}`)
    try {
      if (url.searchParams.get('api-version') !== '7.4') throw new Refusal({ status: 400 })
      if (authorization !== `Bearer ${this.#token}`) throw this.#challenge()
      const sent = body === '' ? {} : (JSON.parse(body) as Sent)
      return { status: 200, value: this.#act(method, url.pathname.split('/').slice(1), sent) }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const { status, code = 'Unknown', inner, message = 'refused', headers } = error.given
      const innererror = inner === undefined ? {} : { innererror: { code: inner } }
      const value = { error: { code, message, ...innererror } }
      return { status, value, ...(headers && { headers }) }
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }

  #login(url: URL, body: string): Answer {
    const form = Object.fromEntries(new URLSearchParams(body))
    this.logins.push({ path: url.pathname, ...form })
    const isRight = form['client_secret'] === CLIENT_SECRET || 'client_assertion' in form
    if (!isRight || !SCOPES.includes(form['scope'] ?? '')) {
      return { status: 401, value: { error: 'invalid_client' } }
    }
    const value = { token_type: 'Bearer', expires_in: 3599, access_token: this.#token }
    return { status: 200, value }
  }

  #challenge(): Refusal {
    const challenge = `Bearer authorization="https://login.microsoftonline.com/${TENANT}", resource="https://vault.azure.net"`
    return new Refusal({
      status: 401,
      code: 'Unauthorized',
      message: 'AKV10000: Request is missing a Bearer or PoP token.',
      headers: { 'www-authenticate': challenge },
    })
  }

  #act(
    method: string,
    [collection = '', key = '', ...rest]: readonly string[],
    sent: Sent,
  ): object {
    const last = rest.at(-1) ?? ''
    const kind = ['sign', 'create', 'versions', 'recover'].includes(last) ? last : method
    const refused = this.#refusals.get(kind)
    if (refused !== undefined) throw new Refusal(refused)
    if (collection === 'deletedkeys') return this.#actOnDeleted(kind, key)
    if (kind === 'create') return this.#create(key, sent)
    return this.#actOnKey(kind, key, { id: rest[0], sent })
  }

  #actOnKey(
    kind: string,
    key: string,
    { id, sent }: { readonly id: string | undefined; readonly sent: Sent },
  ): object {
    const versions = this.#keys.get(key)
    if (versions === undefined) throw missing(key)
    if (kind === 'versions')
      return { value: versions.map((version) => ({ kid: this.#kid(key, version.id) })) }
    if (kind === 'DELETE') {
      this.#keys.delete(key)
      this.#deleted.set(key, versions)
      return this.#deletedBundle(key, versions)
    }
    const version = id === undefined ? versions.at(-1) : versions.find((one) => one.id === id)
    if (version === undefined) throw missing(key)
    if (kind === 'sign') return this.#sign(key, version, sent)
    if (kind === 'PATCH') version.attributes = { ...version.attributes, ...sent.attributes }
    return this.#bundle(key, version)
  }

  #actOnDeleted(kind: string, key: string): object {
    const versions = this.#deleted.get(key)
    if (versions === undefined) throw missing(key)
    if (kind !== 'recover') return this.#deletedBundle(key, versions)
    this.#deleted.delete(key)
    this.#keys.set(key, versions)
    return this.#bundle(key, versions.at(-1))
  }

  #create(key: string, sent: Sent): object {
    if (this.#deleted.has(key)) {
      throw new Refusal({
        status: 409,
        code: 'Conflict',
        inner: 'ObjectIsDeletedButRecoverable',
        message: `Key ${key} is currently in a deleted but recoverable state, and its name cannot be reused`,
      })
    }
    const version = newVersion(sent)
    this.#keys.set(key, [...(this.#keys.get(key) ?? []), version])
    return this.#bundle(key, version)
  }

  #sign(key: string, version: Version, { alg = '', value = '' }: Sent): object {
    const { enabled = true } = version.attributes
    const forbidden = (inner: string, message: string): Refusal =>
      new Refusal({ status: 403, code: 'Forbidden', inner, message })
    if (!enabled) throw forbidden('KeyDisabled', 'Operation sign is not allowed on a disabled key.')
    if (!version.keyOps.includes('sign'))
      throw forbidden('KeyOperationForbidden', 'Operation sign is not permitted on this key.')
    const other = this.#isFaulty('wrong-key') ? newVersion({ kty: 'EC', crv: 'P-256' }) : version
    const signature = signDigestWith(other.material, alg, Buffer.from(value, 'base64url'))
    const cut = this.#isFaulty('short-signature') ? signature.slice(1) : signature
    const made = this.#isFaulty('der') ? Buffer.concat([Buffer.from('30440220', 'hex'), cut]) : cut
    const id = this.#isFaulty('other-version') ? randomBytes(16).toString('hex') : version.id
    const kid = this.#kid(this.#isFaulty('other-key') ? `${key}-2` : key, id)
    return { kid, value: Buffer.from(made).toString('base64url') }
  }

  #bundle(key: string, version: Version | undefined): object {
    if (version === undefined) throw missing(key)
    const { id, material, keyOps, attributes, tags } = version
    const name = this.#isFaulty('other-key') ? `${key}-2` : key
    return {
      key: { kid: this.#kid(name, id), key_ops: keyOps, ...material.jwk },
      attributes: { enabled: true, created: 1_700_000_000, recoverableDays: 90, ...attributes },
      tags,
    }
  }

  #deletedBundle(key: string, versions: readonly Version[]): object {
    const recoveryId = `${this.url}/deletedkeys/${key}`
    const scheduledPurgeDate = Date.parse('2027-02-25T10:00:00Z') / 1000
    return { recoveryId, scheduledPurgeDate, ...this.#bundle(key, versions.at(-1)) }
  }

  #kid(key: string, id: string): string {
    return `${this.url}/keys/${key}/${id}`
  }

  #isFaulty(fault: AzureFault): boolean {
    return this.#faults.delete(fault)
  }
}

function newVersion(sent: Sent): Version {
  const { kty = '', crv, key_size: bits, key_ops: keyOps = [], tags, attributes = {} } = sent
  const material = createAzureMaterial(kty, { crv, bits })
  if (material === undefined) throw new Refusal({ status: 400, code: 'BadParameter' })
  return { id: randomBytes(16).toString('hex'), material, keyOps, tags, attributes }
}
