/**
 * The modules and tokens one provider has open, each of them once.
 *
 * @packageDocumentation
 */
import { disposedProvider } from '../../provider.ts'
import { isStale, toPkcs11Failure } from './errors.ts'
import type { LoadModule, Pkcs11Module } from './module.ts'
import { findToken, type Token } from './slots.ts'
import { type ConnectionOptions, TokenConnection } from './token.ts'
import type { Pkcs11Uri } from '../uri.ts'

/** What connections need to know. */
export interface ConnectionsOptions extends ConnectionOptions {
  readonly loadModule: LoadModule
}

/** Opens modules and tokens as URIs ask for them, and closes all of them together. */
export class Connections {
  readonly #options: ConnectionsOptions
  /** By path; a module that failed to load is tried again. */
  readonly #modules = new Map<string, Promise<Pkcs11Module>>()
  /** By module, serial and label. */
  readonly #tokens = new Map<string, TokenConnection>()
  #isClosed = false

  constructor(options: ConnectionsOptions) {
    this.#options = options
  }

  /**
   * Loads the module of a URI, which has its path.
   *
   * @throws {@link CountersignError} as loadModule; ERR_PROVIDER_UNAVAILABLE — closed
   */
  async openModule({ modulePath: path = '' }: Pkcs11Uri): Promise<Pkcs11Module> {
    this.assertOpen()
    const opening = this.#modules.get(path) ?? this.#load(path)
    this.#modules.set(path, opening)
    const module = await opening
    this.assertOpen()
    return module
  }

  /**
   * Connects with the token a URI means.
   *
   * @throws {@link CountersignError} as {@link Connections.openModule} and findToken
   */
  async open(uri: Pkcs11Uri): Promise<TokenConnection> {
    const module = await this.openModule(uri)
    try {
      return this.#connect(module, findTokenIn(module, uri))
    } catch (error) {
      throw toPkcs11Failure(error, 'looking for the token')
    }
  }

  /** Refuses work after {@link Connections.close}. */
  assertOpen(): void {
    if (this.#isClosed) throw disposedProvider('pkcs11')
  }

  /** Uses every idle session once. */
  keepAlive(): void {
    for (const token of this.#tokens.values()) token.keepAlive()
  }

  /** Waits for the work under way, closes all sessions, then lets the modules go. */
  async close(): Promise<void> {
    this.#isClosed = true
    const tokens = [...this.#tokens.values()]
    const modules = [...this.#modules.values()]
    this.#tokens.clear()
    this.#modules.clear()
    await Promise.all(tokens.map((token) => token.close()))
    for (const module of await Promise.allSettled(modules)) {
      if (module.status === 'fulfilled') module.value.release()
    }
  }

  #load(path: string): Promise<Pkcs11Module> {
    return this.#options.loadModule(path).catch((error: unknown) => {
      this.#modules.delete(path)
      throw error
    })
  }

  #connect(module: Pkcs11Module, token: Token): TokenConnection {
    const key = JSON.stringify([module.path, token.serial, token.label])
    const known = this.#tokens.get(key)
    const connection = known ?? new TokenConnection(module, token, this.#options)
    this.#tokens.set(key, connection)
    return connection
  }
}

/** A module whose device went away and came back may need a restart to see it. */
function findTokenIn(module: Pkcs11Module, uri: Pkcs11Uri): Token {
  try {
    return findToken(module.cryptoki, uri)
  } catch (error) {
    if (!isStale(error)) throw error
    module.restart()
    return findToken(module.cryptoki, uri)
  }
}
