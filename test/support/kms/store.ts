/** Keys and aliases of the KMS double, by region, as visible as eventual consistency lets them be. */
import { KmsFault, notFound, violates } from './fault.ts'
import { arnPrefix, type KmsKey } from './key.ts'

interface AliasChange {
  readonly at: number
  /** Absent: the alias was deleted. */
  readonly keyId: string | undefined
}

interface Region {
  readonly keys: Map<string, KmsKey>
  /** Every change, oldest first: readers see the last one that is old enough. */
  readonly aliases: Map<string, AliasChange[]>
}

/** What the store stands on; lags in ms. */
export interface KmsStoreOptions {
  readonly now: () => number
  readonly account: string
  readonly aliasLagMs: number
  readonly keyLagMs: number
}

const ALIAS_NAME = /^alias\/[a-zA-Z0-9/_-]{1,250}$/

/** All keys and aliases of one account. */
export class KmsStore {
  readonly #options: KmsStoreOptions
  readonly #regions = new Map<string, Region>()

  constructor(options: KmsStoreOptions) {
    this.#options = options
  }

  /** Adds a key, visible to readers after the key lag. */
  addKey(region: string, key: KmsKey): void {
    this.#region(region).keys.set(key.id, key)
  }

  /** Every key of a region that still exists. */
  keys(region: string): readonly KmsKey[] {
    return [...this.#region(region).keys.values()].filter((key) => !this.#isGone(key))
  }

  /** Every key of every region, for tests to look at. */
  allKeys(): readonly KmsKey[] {
    return [...this.#regions.keys()].flatMap((region) => this.keys(region))
  }

  /** Aliases of a region that readers see, by name. */
  aliases(region: string): ReadonlyMap<string, string> {
    const { now, aliasLagMs } = this.#options
    return this.#aliasesAt(region, now() - aliasLagMs)
  }

  /** Finds a key by id, ARN, alias or alias ARN, as KMS's KeyId parameter takes them. */
  find(region: string, keyId: string): KmsKey {
    const prefix = `${arnPrefix(region, this.#options.account)}:`
    if (keyId.startsWith('arn:') && !keyId.startsWith(prefix)) {
      // Another region, partition or account.
      throw notFound(`Invalid arn ${keyId.split(':')[3] ?? ''}`)
    }
    const name = keyId.startsWith('arn:') ? keyId.slice(prefix.length) : keyId
    if (name.startsWith('alias/')) return this.#findByAlias(region, name)
    return this.#findById(region, name.replace(/^key\//, ''))
  }

  /** Points an alias at a key; creating one that is there, or updating one that is not, fails. */
  setAlias(
    region: string,
    name: string,
    keyId: string,
    mode: 'create' | 'update' | 'upsert',
  ): void {
    if (!ALIAS_NAME.test(name)) {
      throw violates(
        'aliasName',
        'Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$',
      )
    }
    if (name.startsWith('alias/aws/')) {
      throw new KmsFault('NotAuthorizedException', '')
    }
    // Writers know all changes; only readers lag.
    const known = this.#aliasesAt(region, this.#options.now()).has(name)
    const arn = `${arnPrefix(region, this.#options.account)}:${name}`
    if (known && mode === 'create') {
      throw new KmsFault('AlreadyExistsException', `An alias with the name ${arn} already exists`)
    }
    if (!known && mode === 'update') throw notFound(`Alias ${arn} is not found.`)
    this.#changeAlias(region, name, keyId)
  }

  /** Forgets an alias. */
  deleteAlias(region: string, name: string): void {
    if (!this.#aliasesAt(region, this.#options.now()).has(name)) {
      throw notFound(`Alias ${arnPrefix(region, this.#options.account)}:${name} is not found.`)
    }
    this.#changeAlias(region, name, undefined)
  }

  #findByAlias(region: string, name: string): KmsKey {
    const keyId = this.aliases(region).get(name)
    if (keyId !== undefined) return this.#findById(region, keyId)
    throw notFound(`Alias ${arnPrefix(region, this.#options.account)}:${name} is not found.`)
  }

  #findById(region: string, id: string): KmsKey {
    const key = this.#region(region).keys.get(id)
    const { now, keyLagMs, account } = this.#options
    if (key === undefined || this.#isGone(key) || key.createdAt + keyLagMs > now()) {
      throw notFound(`Key '${arnPrefix(region, account)}:key/${id}' does not exist`)
    }
    return key
  }

  #isGone(key: KmsKey): boolean {
    return key.deletionAt !== undefined && key.deletionAt <= this.#options.now()
  }

  #aliasesAt(region: string, time: number): ReadonlyMap<string, string> {
    const visible = new Map<string, string>()
    for (const [name, changes] of this.#region(region).aliases) {
      const keyId = changes.findLast((change) => change.at <= time)?.keyId
      const key = keyId === undefined ? undefined : this.#region(region).keys.get(keyId)
      // Aliases are deleted with their key.
      if (keyId !== undefined && key !== undefined && !this.#isGone(key)) visible.set(name, keyId)
    }
    return visible
  }

  #changeAlias(region: string, name: string, keyId: string | undefined): void {
    const { aliases } = this.#region(region)
    const change = { at: this.#options.now(), keyId }
    aliases.set(name, [...(aliases.get(name) ?? []), change])
  }

  #region(name: string): Region {
    const region = this.#regions.get(name) ?? { keys: new Map(), aliases: new Map() }
    this.#regions.set(name, region)
    return region
  }
}
