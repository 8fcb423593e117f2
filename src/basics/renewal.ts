/**
 * What a process made of files that others renew while it runs: certificates, credentials.
 *
 * @packageDocumentation
 */

/** Something that is made of files, and can be made again of what they hold now. */
export interface Renewable {
  /** What it is, for people: the setting that names the files. */
  readonly name: string
  /**
   * Takes over what the files hold now; answers whether that differs from what was in use.
   *
   * @throws {@link CountersignError} they cannot be used: what was in use stays in use
   */
  renew(): Promise<boolean>
}

/** Contents of files by what each is for; undefined where a setting names no file. */
export type FileContents = Readonly<Record<string, Uint8Array | undefined>>

/** How files are read, and what is done with what they hold. */
export interface RenewableFilesOptions<T extends FileContents> {
  readonly name: string
  /** Reads the files; throws where what they hold cannot be used. */
  readonly read: () => Promise<T>
}

/** Files whose contents are held until newer ones can be used. */
export class RenewableFiles<T extends FileContents> implements Renewable {
  readonly name: string
  readonly #read: () => Promise<T>
  readonly #listeners = new Set<(contents: T) => void>()
  #current: T

  private constructor({ name, read }: RenewableFilesOptions<T>, current: T) {
    this.name = name
    this.#read = read
    this.#current = current
  }

  /** Reads the files for the first time; throws what reading them throws. */
  static async open<T extends FileContents>(
    options: RenewableFilesOptions<T>,
  ): Promise<RenewableFiles<T>> {
    return new RenewableFiles(options, await options.read())
  }

  /** What is in use. */
  get current(): T {
    return this.#current
  }

  /** Calls back with the contents each time others take the place of those in use. */
  onRenewed(listener: (contents: T) => void): void {
    this.#listeners.add(listener)
  }

  async renew(): Promise<boolean> {
    const read = await this.#read()
    if (areEqual(this.#current, read)) return false
    for (const listener of this.#listeners) listener(read)
    this.#current = read
    return true
  }
}

function areEqual(one: FileContents, another: FileContents): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(another)])
  return [...names].every((name) => {
    const [a, b] = [one[name], another[name]]
    return a === b || (a !== undefined && b !== undefined && Buffer.from(a).equals(b))
  })
}
