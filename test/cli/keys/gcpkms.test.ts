/** Keys in Google Cloud KMS, as people use them. */
import { expect, test } from 'vitest'
import { documentOf } from '../../support/cli.ts'
import { RING, startGcpKms } from '../../support/gcpkms/emulator.ts'
import { createSigningFolder } from '../../support/signing-folder.ts'

test('a key is made, pinned by its version, signs a file, and the file verifies', async () => {
  await using emulator = await startGcpKms()
  const reference = `gcpkms://${RING}/cryptoKeys/release`
  const world = { env: emulator.env }
  const folder = createSigningFolder()
  folder.write('app', 'an artifact')

  const made = await folder.run(`key create ${reference} --json`, world)
  const signed = await folder.run(`sign @app --key ${reference}`, world)
  const exported = await folder.run(`key export ${reference}`, world)
  folder.write('key.pub', exported.stdout)

  expect(documentOf(made)).toMatchObject({ key: { reference: `${reference}/cryptoKeyVersions/1` } })
  expect(signed).toMatchObject({ exitCode: 0 })
  for (const key of ['@key.pub', reference]) {
    expect(await folder.run(`verify @app --key ${key}`, world)).toMatchObject({ exitCode: 0 })
  }
})

test('doctor names the role that is missing', async () => {
  await using emulator = await startGcpKms()
  emulator.addVersion('release')
  const message = "Permission 'cloudkms.cryptoKeyVersions.viewPublicKey' denied on resource 'x'."
  emulator.refuse('getPublicKey', { code: 403, status: 'PERMISSION_DENIED', message })

  const { exitCode, stdout } = await createSigningFolder().run(
    `doctor gcpkms://${RING}/cryptoKeys/release --json`,
    { env: emulator.env },
  )

  expect(exitCode).not.toBe(0)
  expect(stdout).toContain('grant roles/cloudkms.publicKeyViewer')
})
