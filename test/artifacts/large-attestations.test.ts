/** Attestations about more artifacts than one statement takes, by a key of this machine and by a service. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { createSigningFolder, type SigningFolder } from '../support/signing-folder.ts'
import { startSigningService } from '../support/signing-service.ts'

const ATTEST =
  'attest --checksums @list --type https://example.com/t --predicate @p.json --bundle @all.jsonl'

function contentOf(index: number): string {
  return `file ${index}`
}

/** Lists files that are not here, so that only their digests are known. */
function writeList(folder: SigningFolder, count: number): void {
  const lines = Array.from({ length: count }, (_, index) => {
    const [, hex = ''] = digestOf(Buffer.from(contentOf(index))).split(':')
    return `${hex}  file-${index}\n`
  })
  folder.write('list', lines.join(''))
  folder.write('p.json', '{"a":1}')
}

function countSubjects(folder: SigningFolder): readonly number[] {
  const lines = readFileSync(folder.path('all.jsonl'), 'utf8').trim().split('\n')
  return lines.map((line) => {
    const { dsseEnvelope } = JSON.parse(line) as { dsseEnvelope: { payload: string } }
    const statement = Buffer.from(dsseEnvelope.payload, 'base64').toString()
    return (JSON.parse(statement) as { subject: readonly unknown[] }).subject.length
  })
}

function digestAt(index: number): string {
  return digestOf(Buffer.from(contentOf(index)))
}

test('a key of this machine signs two statements about 1025 artifacts, and both verify', async () => {
  const folder = createSigningFolder()
  folder.key('own')
  writeList(folder, 1025)

  const signed = await folder.run(`${ATTEST} --key @own.pem`)
  const verified = await folder.run(
    `verify ${digestAt(0)} ${digestAt(1024)} --bundle @all.jsonl --key @own.pub --type any`,
  )

  expect([signed.exitCode, verified.exitCode]).toEqual([0, 0])
  expect(countSubjects(folder)).toEqual([1024, 1])
})

test('a service signs two statements about 513 artifacts, and both verify', async () => {
  const { folder, run, env, url, fingerprint } = await startSigningService()
  writeList(folder, 513)
  const world = { env, now: new Date() }
  await folder.run(`trust init ${url} --fingerprint ${await fingerprint()}`, world)

  const signed = await run(`${ATTEST} --key release`)
  const verified = await folder.run(
    `verify ${digestAt(0)} ${digestAt(512)} --bundle @all.jsonl --type any`,
    world,
  )

  expect([signed.exitCode, verified.exitCode]).toEqual([0, 0])
  expect(countSubjects(folder)).toEqual([512, 1])
})
