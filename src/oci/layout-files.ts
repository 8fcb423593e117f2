/**
 * The files of an OCI image layout (image-spec v1.1, image-layout.md): bounded reads, and writes that
 * are whole or not there.
 *
 * @packageDocumentation
 */
import { lstat, mkdir, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Digest, digestHash, digestHex, digestOf } from '../crypto/digest.ts'
import { quoteForShell } from '../formats/shell-word.ts'
import { CountersignError } from '../errors.ts'
import { hasErrno, readFileBounded, writeFileAtomically } from '../files.ts'
import { type ImageIndex, MAX_MANIFEST_BYTES, parseImageIndex } from '../formats/oci-manifest.ts'
import { assertDigest } from './checked-content.ts'
import type { Runtime } from '../basics/runtime.ts'

const LOCK_TRIES = 100
const LOCK_PAUSE_MS = 20

/** Reads and writes the files below one directory. */
export class LayoutFiles {
  readonly directory: string
  readonly #runtime: Pick<Runtime, 'pause' | 'random'>

  constructor(directory: string, runtime: Pick<Runtime, 'pause' | 'random'>) {
    this.directory = directory
    this.#runtime = runtime
  }

  /**
   * Reads a file that may be at most so long.
   *
   * @throws {@link CountersignError} ERR_ARTIFACT_NOT_FOUND, ERR_FILE_READ, ERR_INPUT_TOO_LARGE
   */
  async read(name: string, maxBytes: number): Promise<Uint8Array> {
    const path = join(this.directory, name)
    return readFileBounded(path, maxBytes).catch((error: unknown) => {
      if (hasErrno(error, 'ENOTDIR')) throw notFolder(this.directory, error)
      throw hasErrno(error, 'ENOENT') ? notThere(path, error) : error
    })
  }

  /** Reads index.json. */
  async readIndex(): Promise<ImageIndex> {
    return parseImageIndex(await this.read('index.json', MAX_MANIFEST_BYTES))
  }

  /** Reads a blob and checks its digest: a link out of the directory gains nothing. */
  async readBlob(digest: Digest, maxBytes: number): Promise<Uint8Array> {
    const bytes = await this.read(blobName(digest), maxBytes)
    assertDigest(bytes, digest, this.directory)
    return bytes
  }

  /**
   * Writes a blob under its digest.
   *
   * @throws {@link CountersignError} ERR_FILE_WRITE — also where a folder of the layout is a link
   */
  async writeBlob(bytes: Uint8Array): Promise<Digest> {
    const digest = digestOf(bytes)
    const path = join(this.directory, blobName(digest))
    await this.#assertOwn()
    // Where the folder can't be made, writing into it fails and says why.
    await mkdir(dirname(path), { recursive: true }).catch(() => undefined)
    await writeFileAtomically(path, bytes, { overwrite: true })
    return digest
  }

  /**
   * Changes index.json as one step among all processes that do it this way. Answers false, and changes
   * nothing, where `change` gives nothing.
   *
   * @throws {@link CountersignError} ERR_FILE_WRITE — also where another process keeps the lock
   */
  async updateIndex(change: (index: ImageIndex) => Uint8Array | undefined): Promise<boolean> {
    const path = join(this.directory, 'index.json')
    const lock = `${path}.lock`
    await this.#assertOwn()
    await this.#lock(lock)
    try {
      const next = change(await this.readIndex())
      if (next !== undefined) await writeFileAtomically(path, next, { overwrite: true })
      return next !== undefined
    } finally {
      await unlink(lock).catch(() => undefined)
    }
  }

  /** A link in the layout would have a blob, or the index, written where its author may not write. */
  async #assertOwn(): Promise<void> {
    for (const name of ['blobs', join('blobs', 'sha256'), 'index.json']) {
      const path = join(this.directory, name)
      const found = await lstat(path).catch(() => undefined)
      if (found?.isSymbolicLink() === true) throw linked(path)
    }
  }

  async #lock(path: string): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await writeFileAtomically(path, '', { mode: 0o600 })
        return
      } catch (error) {
        if (!hasErrno(error, 'EEXIST')) throw error
        if (tries === LOCK_TRIES) throw locked(path)
      }
      await this.#runtime.pause(LOCK_PAUSE_MS * (1 + this.#runtime.random()))
    }
  }
}

function blobName(digest: Digest): string {
  return join('blobs', digestHash(digest), digestHex(digest))
}

function notThere(path: string, cause: unknown): CountersignError {
  return new CountersignError('ERR_ARTIFACT_NOT_FOUND', `there is no "${path}"`, {
    hint: 'check the path, tag and digest of the image layout',
    details: { path },
    cause,
  })
}

/** What `docker save` and `podman save` write, most often. */
function notFolder(path: string, cause: unknown): CountersignError {
  const folder = quoteForShell(`${path}.d`)
  return new CountersignError('ERR_ARTIFACT_NOT_FOUND', `"${path}" is not a folder`, {
    hint: `if it is an archive of an image layout, unpack it: mkdir ${folder} && tar -xf ${quoteForShell(path)} -C ${folder}`,
    details: { path },
    cause,
  })
}

function linked(path: string): CountersignError {
  return new CountersignError('ERR_FILE_WRITE', `"${path}" is a symbolic link`, {
    hint: 'nothing is written through links of a layout; copy it without them: cp -rL',
    details: { path },
  })
}

function locked(path: string): CountersignError {
  return new CountersignError('ERR_FILE_WRITE', `another process holds "${path}"`, {
    hint: `if none is running, one was interrupted: remove ${path}`,
    details: { path },
  })
}
