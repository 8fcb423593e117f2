/**
 * The few ways countersign touches a file: read whole and bounded, or chunk by chunk; written so that a
 * reader sees the old file, the new one or none, never a part; and removed.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import { constants, open as openDescriptor, type Stats } from 'node:fs'
import {
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  stat,
  unlink,
} from 'node:fs/promises'
import { Socket } from 'node:net'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { isatty, ReadStream } from 'node:tty'
import { promisify } from 'node:util'
import { CountersignError, type ErrorCode } from './errors.ts'

const CHUNK_BYTES = 1024 * 1024

/** How the temporary name of a file ends, behind `.NAME.`. */
const TEMPORARY_END = /^[0-9a-f]{12}\.tmp$/

/** How a file is written. */
export interface WriteFileOptions {
  /** Permission bits, further narrowed by the umask; default 0o644. */
  readonly mode?: number
  /** Whether a file that is already there is replaced; default false. */
  readonly overwrite?: boolean
}

/**
 * Whether an error of this module has one cause of the operating system: `ENOENT` (no such
 * file), `EEXIST` (already there), `ENOSPC` (disk full)…
 */
export function hasErrno(error: unknown, errno: string): boolean {
  return CountersignError.is(error) && error.details['errno'] === errno
}

/**
 * Reads a whole file into memory; works on standard input and process substitutions too (`/dev/fd/N`).
 *
 * @param maxBytes - a longer file is refused as soon as more than this was read
 * @throws {@link CountersignError} ERR_FILE_READ — missing, not a file, not readable;
 * ERR_INPUT_TOO_LARGE — over `maxBytes`
 */
export async function readFileBounded(path: string, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let total = 0
  for await (const chunk of readFileChunks(path, maxBytes + 1)) {
    // The next chunk is read over this one.
    chunks.push(Buffer.from(chunk))
    total += chunk.length
    if (total > maxBytes) {
      throw new CountersignError('ERR_INPUT_TOO_LARGE', `"${path}" is over ${maxBytes} bytes`, {
        details: { path, maxBytes },
      })
    }
  }
  return Buffer.concat(chunks)
}

/**
 * Reads a file from its start through one piece of memory, however long the file is: a chunk holds
 * until the next one is asked for. A named pipe or a device in the place of a file is refused at once, for
 * opening one may wait for ever; a descriptor that this process was given is read whatever it is.
 *
 * @throws {@link CountersignError} ERR_FILE_READ — missing, not a file, not readable
 */
export async function* readFileChunks(
  path: string,
  chunkBytes: number = CHUNK_BYTES,
): AsyncGenerator<Uint8Array, void, undefined> {
  const failure = failureOf('ERR_FILE_READ', `can't read "${path}"`, path)
  const file = await open(path, READ_FLAGS).catch(failure)
  try {
    const found = await file.stat().catch(failure)
    if (DESCRIPTOR.test(path) && (found.isFIFO() || isatty(file.fd))) {
      yield* readStream(path)
      return
    }
    assertFile(path, found)
    const memory = Buffer.allocUnsafeSlow(Math.min(chunkBytes, CHUNK_BYTES))
    for (;;) {
      const { bytesRead } = await file.read(memory).catch(failure)
      if (bytesRead === 0) return
      yield memory.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

/** Opening waits neither for the writer of a pipe nor for a device, and no terminal becomes ours. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY
/** What a shell hands over with `<(command)`, and standard input. */
const DESCRIPTOR = /^\/(?:dev\/(?:stdin|fd\/\d+)|proc\/self\/fd\/\d+)$/

function assertFile(path: string, found: Stats): void {
  const isDescriptor = found.isCharacterDevice() && DESCRIPTOR.test(path)
  if (found.isFile() || found.isDirectory() || isDescriptor) return
  const what = found.isFIFO() ? 'a named pipe' : found.isSocket() ? 'a socket' : 'a device'
  throw new CountersignError('ERR_FILE_READ', `"${path}" is not a file but ${what}`, {
    hint: 'give a file; the output of a command can be given on standard input, or as <(command)',
    details: { path },
  })
}

/** Reads a pipe or a terminal by the event loop: a thread that waits for one could not be stopped. */
async function* readStream(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const failure = failureOf('ERR_FILE_READ', `can't read "${path}"`, path)
  const fd = await promisify(openDescriptor)(path, READ_FLAGS).catch(failure)
  const stream = isatty(fd) ? new ReadStream(fd) : new Socket({ fd, writable: false })
  const chunks: AsyncIterable<Uint8Array> = stream
  try {
    yield* chunks
  } catch (error) {
    failure(error)
  }
}

/**
 * Writes a file durably and in one step: a temporary name in the same folder, fsync, then rename, or
 * link where nothing may be replaced. Whatever fails, nothing half-written is left.
 *
 * @throws {@link CountersignError} ERR_FILE_WRITE — full disk, missing folder, no permission; with
 * errno `EEXIST` (see {@link hasErrno}) where the file is there and may not be replaced
 */
export async function writeFileAtomically(
  path: string,
  bytes: Uint8Array | string,
  options: WriteFileOptions = {},
): Promise<void> {
  const { mode = 0o644, overwrite = false } = options
  const suffix = randomBytes(6).toString('hex')
  const temporary = join(dirname(path), `.${basename(path)}.${suffix}.tmp`)
  const failure = failureOf('ERR_FILE_WRITE', `can't write "${path}"`, path)
  const file = await open(temporary, 'wx', mode).catch(failure)
  try {
    await writeDurably(file, bytes)
    if (overwrite) await rename(temporary, path)
    else await link(temporary, path)
    await syncFolder(dirname(path))
  } catch (error) {
    failure(error)
  } finally {
    // After a rename the temporary name no longer exists.
    await unlink(temporary).catch(() => undefined)
  }
}

/**
 * Removes what {@link writeFileAtomically} left of a file when its process was killed: a part of it, or a
 * second name of the whole. A concurrent write of the same file may fail.
 *
 * @throws {@link CountersignError} ERR_FILE_WRITE — no permission, a read-only disk
 */
export async function removeHalfWritten(path: string): Promise<void> {
  const folder = dirname(path)
  // No folder, nothing in it.
  const names = await readdir(folder).catch(() => [])
  const prefix = `.${basename(path)}.`
  for (const name of names) {
    const isTemporary = name.startsWith(prefix) && TEMPORARY_END.test(name.slice(prefix.length))
    if (isTemporary) await removeFile(join(folder, name))
  }
}

/**
 * Removes a file durably; one that is not there is removed already.
 *
 * @throws {@link CountersignError} ERR_FILE_WRITE — no permission, a read-only disk
 */
export async function removeFile(path: string): Promise<void> {
  const failure = failureOf('ERR_FILE_WRITE', `can't remove "${path}"`, path)
  await unlink(path).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) failure(error)
  })
  await syncFolder(dirname(path))
}

/**
 * Whether a path is in a folder, or the folder itself, once every link in both is followed. What is
 * not there counts by the folder it would be in.
 */
export async function isWithin(path: string, folder: string): Promise<boolean> {
  const [real, root] = await Promise.all([realPath(resolve(path)), realPath(resolve(folder))])
  const [first] = relative(root, real).split(sep)
  return first !== '..' && !isAbsolute(relative(root, real))
}

async function realPath(path: string): Promise<string> {
  const parent = dirname(path)
  return realpath(path).catch(async () =>
    parent === path ? path : join(await realPath(parent), basename(path)),
  )
}

/**
 * Makes sure that a folder is there; one that is made is for its owner alone (mode 0700), one that was
 * there stays as it is.
 *
 * @throws {@link CountersignError} ERR_FILE_WRITE — no permission, or a file is in the way
 */
export async function makePrivateFolder(path: string): Promise<void> {
  const failure = failureOf('ERR_FILE_WRITE', `can't make the folder "${path}"`, path)
  await mkdir(path, { recursive: true, mode: 0o700 }).catch(failure)
}

/**
 * Makes sure that folders are there within one that is, and that those which are made survive a power cut.
 *
 * @param names - from the outermost on
 * @throws {@link CountersignError} ERR_FILE_WRITE — the outer folder is missing, no permission, a file is in the way
 */
export async function makeFoldersWithin(
  root: string,
  names: readonly string[],
  mode: number,
): Promise<void> {
  let parent = root
  for (const name of names) {
    const path = join(parent, name)
    await mkdir(path, { mode }).then(
      () => syncFolder(parent),
      (error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) {
          failureOf('ERR_FILE_WRITE', `can't make the folder "${path}"`, path)(error)
        }
      },
    )
    parent = path
  }
}

async function writeDurably(file: FileHandle, bytes: Uint8Array | string): Promise<void> {
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes the new name itself survive a power cut, where the file system can; the file is there either way. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  await folder?.sync().catch(() => undefined)
  await folder?.close()
}

function failureOf(code: ErrorCode, message: string, path: string): (cause: unknown) => never {
  return (cause) => {
    const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new CountersignError(code, `${message}: ${REASONS[errno] ?? errno}`, {
      hint: HINTS[errno],
      details: { path, errno },
      cause,
    })
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EDQUOT: 'the disk quota is used up',
  EEXIST: 'it already exists',
  EISDIR: 'it is a folder',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'no such file or folder',
  ENOSPC: 'no space left on the disk',
  ENOTDIR: 'a part of the path is not a folder',
  EPERM: 'the operation is not permitted',
  EROFS: 'the file system is read-only',
}

const HINTS: Readonly<Record<string, string>> = {
  EACCES: 'check who owns the file and its folder: ls -ld',
  EEXIST: 'choose another name, or move the old file away',
  ENOENT: 'check the path; a missing folder is not created',
  ENOSPC: 'free some space; nothing was left half-written',
}

/**
 * Finds a file that a list names: the first that is there.
 *
 * @param folders - which a relative name may be relative to; an empty one is the current folder
 */
export async function findListedFile(
  name: string,
  folders: readonly string[],
): Promise<string | undefined> {
  const paths = isAbsolute(name)
    ? [name]
    : folders.map((folder) => (folder === '' ? name : join(folder, name)))
  for (const path of paths) if (await isThere(path)) return path
  return undefined
}

const ABSENT: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'])

/** What cannot be looked at counts as there: reading it says why not. */
async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => !(error instanceof Error && 'code' in error && ABSENT.has(error.code)),
  )
}
