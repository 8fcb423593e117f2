import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { documentOf } from '../../support/cli.ts'
import { createImageScene, DIGEST } from '../../support/image-scene.ts'
import { createSigningFolder, type SigningFolder } from '../../support/signing-folder.ts'

function createScene(count: number): SigningFolder {
  const folder = createSigningFolder()
  folder.key('release')
  for (let index = 0; index < count; index += 1) folder.write(`f${index}`, `content ${index}\n`)
  return folder
}

test('files signed as a batch verify one by one, offline, with the key alone', async () => {
  const folder = createScene(3)

  const signed = await folder.run('sign --batch @f0 @f1 @f2 --key @release.pem')
  const verified = await folder.run('verify @f2 @f0 --key @release.pub --offline')

  expect(signed).toMatchObject({ exitCode: 0, stdout: '@f0\n@f1\n@f2\n' })
  expect(verified).toMatchObject({ exitCode: 0, stdout: '@f2\n@f0\n' })
})

test('a changed file of a batch fails, and so does one with the bundle of another', async () => {
  const folder = createScene(2)
  await folder.run('sign --batch @f0 @f1 --key @release.pem')
  folder.write('f0', 'changed\n')

  const changed = await folder.run('verify @f0 --key @release.pub')
  const swapped = await folder.run('verify @f1 --bundle @f0.sigstore.json --key @release.pub')

  expect([changed.exitCode, swapped.exitCode]).toEqual([3, 3])
  expect(changed.stderr).toContain('ERR_SUBJECT_MISMATCH')
  expect(swapped.stderr).toContain('ERR_SUBJECT_MISMATCH')
})

test('a batch is verified as a whole in --json, and says which statement each artifact is', async () => {
  const folder = createScene(2)
  await folder.run('sign --batch @f0 @f1 --key @release.pem')

  const result = await folder.run('verify @f1 --key @release.pub --json')

  const [artifact] = documentOf<{ artifacts: { attestations: { checks: object[] }[] }[] }>(
    result,
  ).artifacts
  expect(artifact?.attestations[0]?.checks).toContainEqual({
    id: 'batch',
    expected: 'the statement is one of the signed batch',
    actual: 'statement 1 of the batch',
    ok: true,
  })
})

test('an image signed in a batch has its member attached, and verifies', async () => {
  const { folder, app } = await createImageScene()
  folder.write('f0', 'content\n')

  const signed = await folder.run(`sign --batch ${app}@${DIGEST} @f0 --key @release.pem`)
  const verified = await folder.run(`verify ${app}@${DIGEST} --key @release.pub -q`)

  expect(signed.exitCode).toBe(0)
  expect(verified).toEqual({ exitCode: 0, stdout: `${app}@${DIGEST}\n`, stderr: '' })
  const listed = await folder.run(`discover ${app}@${DIGEST}`)
  expect(listed.stdout).toContain('── signature')
})

test('the log proof of a batch is that of its one signature', async () => {
  const folder = createScene(2)
  await folder.run('sign --batch @f0 @f1 --key @release.pem')

  const [first, second] = ['f0', 'f1'].map((name) => {
    const text = readFileSync(folder.path(`${name}.sigstore.json`), 'utf8')
    return (JSON.parse(text) as { bundle: object }).bundle
  })

  expect(first).toEqual(second)
})

test.each([
  ['--format legacy', 'the older layout has no place for a proof of a batch'],
  ['--format both', 'the older layout has no place for a proof of a batch'],
])('a batch with %s is a mistake in usage', async (options, message) => {
  const { folder, app } = await createImageScene()

  const result = await folder.run(`sign --batch ${app}@${DIGEST} --key @release.pem ${options}`)

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain(message)
})

test('a statement of the type of batches is not attested', async () => {
  const folder = createScene(1)
  folder.write('predicate.json', '{"size":1}')

  const result = await folder.run(
    'attest @f0 --key @release.pem --type https://countersign.dev/merkle-batch/v1 --predicate @predicate.json',
  )

  expect(result.exitCode).not.toBe(0)
  expect(result.stderr).toContain('ERR_PREDICATE_INVALID')
})
