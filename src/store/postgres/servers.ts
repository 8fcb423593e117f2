/**
 * Connections with the servers of one address, in its order: where one cannot be reached or takes no writes, the next
 * is tried, and new connections stay with the one that worked.
 *
 * @packageDocumentation
 */
import { Client, type ClientConfig, Pool } from 'pg'
import { toCountersignError } from '../../errors.ts'
import { RenewableFiles } from '../../basics/renewal.ts'
import type { DatabaseSettings } from '../database.ts'
import { type PostgresAddress, parsePostgresAddress } from './client-config.ts'
import { isPoolBusy, promisePostgres } from './failures.ts'
import { prepareSession, type SessionSettings } from './session.ts'
import { type DatabaseTls, readDatabaseTls } from './tls-files.ts'

/** Where one kind of connection differs from the others. */
export interface ConnectionLimits {
  /** Longest wait for a lock or a statement. */
  readonly timeoutMs?: number
  /** After which the server ends a transaction that does nothing. */
  readonly idleMs?: number
}

/** The servers of an address. */
export class Servers {
  /** The files of the address; connections made from now on use what they held last. */
  readonly files: RenewableFiles<DatabaseTls>
  readonly #address: PostgresAddress
  readonly #timeoutMs: number
  /** The server that the next connection goes to; changed by #leave alone. */
  #index = 0

  private constructor(
    address: PostgresAddress,
    files: RenewableFiles<DatabaseTls>,
    timeoutMs: number,
  ) {
    this.#address = address
    this.files = files
    this.#timeoutMs = timeoutMs
  }

  /**
   * Reads an address and its files; nothing is connected yet.
   *
   * @throws {@link CountersignError} ERR_CONFIG_INVALID — the address or one of its files cannot be used
   */
  static async open(url: string, settings: DatabaseSettings): Promise<Servers> {
    const address = parsePostgresAddress(url, settings)
    const read = (): Promise<DatabaseTls> => readDatabaseTls(address.tlsPaths)
    const files = await RenewableFiles.open({ name: 'the TLS files of the store', read })
    return new Servers(address, files, settings.timeoutMs)
  }

  /**
   * Makes one connection that belongs to no pool.
   *
   * @throws {@link CountersignError} ERR_STORE_UNAVAILABLE — no server can be used
   */
  async connect(limits: ConnectionLimits = {}): Promise<Client> {
    return this.tryEach(async () => {
      const client = new Client(this.#config(limits))
      // What ends a connection is learned from its queries; unheard, the event would end the process.
      client.on('error', () => undefined)
      try {
        await promisePostgres(() => client.connect())
        await prepareSession(client, this.#session(limits))
        return client
      } catch (error) {
        // Ending it in order waits for a server that may not answer, or whose certificate was refused.
        client.connection.stream.destroy()
        throw error
      }
    })
  }

  /** Makes a pool; connections are taken from it by {@link Servers.tryEach}. */
  pool(max: number, limits: ConnectionLimits = {}): Pool {
    const config = (): ClientConfig => this.#config(limits)
    class NextClient extends Client {
      constructor() {
        super(config())
      }
    }
    const { connectionTimeoutMillis } = config()
    return new Pool({
      max,
      connectionTimeoutMillis,
      Client: NextClient,
      verify: (client, done) => {
        prepareSession(client, this.#session(limits)).then(
          () => {
            done()
          },
          (error: unknown) => {
            done(toCountersignError(error))
          },
        )
      },
    })
  }

  /** Runs what makes a connection, for each server once until it fulfils; throws what it threw last. */
  async tryEach<T>(connect: () => Promise<T>): Promise<T> {
    for (let tried = 1; ; tried += 1) {
      const index = this.#index
      try {
        return await connect()
      } catch (error) {
        if (isPoolBusy(error)) throw error
        this.#leave(index)
        if (tried >= this.#address.configs.length) throw error
      }
    }
  }

  /** Of many connections that fail together, the first moves on for all. */
  #leave(index: number): void {
    if (this.#index === index) this.#index = (index + 1) % this.#address.configs.length
  }

  #config({ timeoutMs = this.#timeoutMs }: ConnectionLimits): ClientConfig {
    const { configs } = this.#address
    const config = configs[this.#index] ?? configs[0]
    const { ssl } = config
    return {
      ...config,
      // A server that vanished without closing answers nothing, not even that time is up.
      query_timeout: timeoutMs + 1000,
      ssl: typeof ssl === 'object' ? { ...ssl, ...this.#contents() } : ssl,
    }
  }

  #contents(): { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer } {
    const held = Object.entries(this.files.current)
    return Object.fromEntries(
      held.flatMap(([name, bytes]) => (bytes === undefined ? [] : [[name, Buffer.from(bytes)]])),
    )
  }

  #session({ timeoutMs = this.#timeoutMs, idleMs }: ConnectionLimits): SessionSettings {
    const { isPrimaryDemanded } = this.#address
    return { timeoutMs, idleMs: idleMs ?? 2 * timeoutMs, isPrimaryDemanded }
  }
}
