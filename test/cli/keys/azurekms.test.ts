/** Keys in Azure Key Vault, as people use them. */
import { expect, test } from 'vitest'
import { startAzureKeyVault, VAULT } from '../../support/azurekms/emulator.ts'
import { documentOf } from '../../support/cli.ts'
import { createSigningFolder } from '../../support/signing-folder.ts'

test('a key is made, pinned by its version, signs a file, and the file verifies', async () => {
  await using emulator = await startAzureKeyVault()
  const reference = `azurekms://${VAULT}/release`
  const world = { env: emulator.env }
  const folder = createSigningFolder()
  folder.write('app', 'an artifact')

  const made = await folder.run(`key create ${reference} --json`, world)
  const signed = await folder.run(`sign @app --key ${reference}`, world)
  const exported = await folder.run(`key export ${reference}`, world)
  folder.write('key.pub', exported.stdout)

  const pattern = new RegExp(`^${reference}/[0-9a-f]{32}$`)
  const key = { reference: expect.stringMatching(pattern) as string }
  expect(documentOf(made)).toMatchObject({ key })
  expect(signed).toMatchObject({ exitCode: 0 })
  for (const given of ['@key.pub', reference]) {
    expect(await folder.run(`verify @app --key ${given}`, world)).toMatchObject({ exitCode: 0 })
  }
})

test('doctor names the role that is missing, and prints the command that grants it', async () => {
  await using emulator = await startAzureKeyVault()
  emulator.addVersion('release')
  const message = 'Caller is not authorized to perform action on resource.'
  const inner = 'ForbiddenByRbac'
  emulator.refuse('GET', { status: 403, code: 'Forbidden', inner, message })

  const { exitCode, stdout } = await createSigningFolder().run(
    `doctor azurekms://${VAULT}/release --json`,
    { env: emulator.env },
  )

  expect(exitCode).not.toBe(0)
  expect(stdout).toContain('az role assignment create --role \\"Key Vault Crypto User\\"')
  expect(stdout).toContain('/keys/release')
})
