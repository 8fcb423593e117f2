import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  hasErrno,
  makePrivateFolder,
  readFileBounded,
  readFileChunks,
  removeFile,
  removeHalfWritten,
  writeFileAtomically,
} from '../src/files.ts'
import { createTempFolder } from './support/temp-folder.ts'

test('readFileBounded reads a file of exactly the bound', async () => {
  const path = join(createTempFolder(), 'file')
  writeFileSync(path, 'x'.repeat(100))

  expect(await readFileBounded(path, 100)).toHaveLength(100)
})

test('readFileBounded refuses a file one byte over the bound', async () => {
  const path = join(createTempFolder(), 'file')
  writeFileSync(path, 'x'.repeat(101))

  await expect(readFileBounded(path, 100)).rejects.toMatchObject({
    code: 'ERR_INPUT_TOO_LARGE',
    details: { maxBytes: 100 },
  })
})

test('readFileBounded refuses a device, which may have no end', async () => {
  await expect(readFileBounded('/dev/zero', 64 * 1024)).rejects.toMatchObject({
    code: 'ERR_FILE_READ',
  })
})

test('readFileBounded names the file and the reason', async () => {
  const folder = createTempFolder()

  const missing = readFileBounded(join(folder, 'missing'), 100)
  await expect(missing).rejects.toMatchObject({ code: 'ERR_FILE_READ' })
  await expect(missing).rejects.toThrow('missing": no such file or folder')
  await expect(missing).rejects.toSatisfy((error) => hasErrno(error, 'ENOENT'))
  await expect(readFileBounded(folder, 100)).rejects.toThrow('it is a folder')
})

test('readFileChunks gives the whole file through one piece of memory', async () => {
  const path = join(createTempFolder(), 'file')
  writeFileSync(path, Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251)))

  const chunks: Uint8Array[] = []
  const memory = new Set<ArrayBufferLike>()
  for await (const chunk of readFileChunks(path, 64)) {
    memory.add(chunk.buffer)
    chunks.push(Buffer.from(chunk))
  }

  expect(memory.size).toBe(1)
  expect(Math.max(...chunks.map((chunk) => chunk.length))).toBe(64)
  expect(Buffer.concat(chunks)).toEqual(readFileSync(path))
})

test('writeFileAtomically writes with its mode and leaves no other file', async () => {
  const folder = createTempFolder()

  await writeFileAtomically(join(folder, 'file'), 'new', { mode: 0o600 })

  expect(readdirSync(folder)).toEqual(['file'])
  expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('new')
  expect(statSync(join(folder, 'file')).mode & 0o777).toBe(0o600)
})

test('writeFileAtomically keeps a file that is already there', async () => {
  const folder = createTempFolder()
  const path = join(folder, 'file')
  writeFileSync(path, 'old')

  const refusal = writeFileAtomically(path, 'new')

  await expect(refusal).rejects.toMatchObject({ code: 'ERR_FILE_WRITE' })
  await expect(refusal).rejects.toSatisfy((error) => hasErrno(error, 'EEXIST'))
  expect(readFileSync(path, 'utf8')).toBe('old')
  expect(readdirSync(folder)).toEqual(['file'])
})

test('writeFileAtomically lets exactly one of many writers make a file', async () => {
  const folder = createTempFolder()
  const writers = Array.from({ length: 20 }, (_, index) =>
    writeFileAtomically(join(folder, 'file'), `writer ${index}`),
  )

  const outcomes = await Promise.allSettled(writers)

  const winner = outcomes.findIndex((outcome) => outcome.status === 'fulfilled')
  expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1)
  expect(readFileSync(join(folder, 'file'), 'utf8')).toBe(`writer ${winner}`)
  expect(readdirSync(folder)).toEqual(['file'])
})

test('writeFileAtomically replaces a file when asked to', async () => {
  const path = join(createTempFolder(), 'file')
  writeFileSync(path, 'old')

  await writeFileAtomically(path, 'new', { overwrite: true })

  expect(readFileSync(path, 'utf8')).toBe('new')
})

test('writeFileAtomically leaves nothing where the target is a folder', async () => {
  const folder = createTempFolder()
  mkdirSync(join(folder, 'taken'))

  await expect(
    writeFileAtomically(join(folder, 'taken'), 'new', { overwrite: true }),
  ).rejects.toMatchObject({ code: 'ERR_FILE_WRITE' })
  expect(readdirSync(folder)).toEqual(['taken'])
})

test('writeFileAtomically says that a folder is missing', async () => {
  const path = join(createTempFolder(), 'missing', 'file')

  const refusal = writeFileAtomically(path, 'new')

  await expect(refusal).rejects.toMatchObject({ code: 'ERR_FILE_WRITE' })
  await expect(refusal).rejects.toThrow('no such file or folder')
})

test('writeFileAtomically leaves nothing behind on a full disk', async (context) => {
  const folder = createTempFolder()
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder])
  context.skip(mounted.status !== 0, 'a small tmpfs can be mounted only by root')
  onTestFinished(() => void spawnSync('umount', [folder]))

  const refusal = writeFileAtomically(join(folder, 'file'), Buffer.alloc(256 * 1024))

  await expect(refusal).rejects.toMatchObject({ code: 'ERR_FILE_WRITE' })
  await expect(refusal).rejects.toThrow('no space left on the disk')
  expect(readdirSync(folder)).toEqual([])
})

test('removeFile removes a file, and accepts a missing one', async () => {
  const path = join(createTempFolder(), 'file')
  await writeFileAtomically(path, 'content')

  await removeFile(path)
  await removeFile(path)

  expect(existsSync(path)).toBe(false)
})

test('removeFile reports why it fails', async () => {
  await expect(removeFile(createTempFolder())).rejects.toMatchObject({ code: 'ERR_FILE_WRITE' })
})

test('removeHalfWritten removes the temporary names of one file and nothing else', async () => {
  const folder = createTempFolder()
  const kept = ['key', '.key.tmp', '.key.pem.0123456789ab.tmp', '.other.0123456789ab.tmp']
  for (const name of [...kept, '.key.0123456789ab.tmp']) writeFileSync(join(folder, name), '')

  await removeHalfWritten(join(folder, 'key'))
  await removeHalfWritten(join(folder, 'missing', 'key'))

  expect(readdirSync(folder).toSorted()).toEqual(kept.toSorted())
})

test('makePrivateFolder creates missing folders, and reports what is in the way', async () => {
  const folder = createTempFolder()
  await writeFileAtomically(join(folder, 'file'), 'content')

  await makePrivateFolder(join(folder, 'a', 'b'))

  expect(statSync(join(folder, 'a', 'b')).mode & 0o777).toBe(0o700)
  await expect(makePrivateFolder(join(folder, 'file', 'b'))).rejects.toMatchObject({
    code: 'ERR_FILE_WRITE',
  })
})
