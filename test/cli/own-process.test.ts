/**
 * What commands load late when they run in a process of their own: the AWS SDK, Sigstore's client. From the
 * sources these are packages in node_modules; an installed package has them in its bundle. What the
 * quickstart runs is not repeated here.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runCli, type RunPlace } from '../support/command-line.ts'
import { startKmsDouble } from '../support/kms/double.ts'
import { kmsEnvironment } from '../support/kms/environment.ts'
import { createSigningFolder } from '../support/signing-folder.ts'
import { startSigstoreServices, UNTRUSTED_TOKEN } from '../support/sigstore-services.ts'

/** Runs one command after the other, each of which must succeed. */
async function runAll(lines: readonly string[], place: RunPlace): Promise<void> {
  for (const line of lines) {
    expect(await runCli(line.split(' '), place), line).toMatchObject({ exitCode: 0 })
  }
}

test('a key in AWS KMS is created, and signs', async () => {
  await using double = await startKmsDouble()
  const { path, write } = createSigningFolder()
  write('app.txt', 'hello\n')
  const key = `awskms://${double.endpoint}/alias/release`

  await runAll([`key create ${key}`, `sign --key ${key} app.txt`], {
    folder: path(''),
    env: kmsEnvironment(double.credentials),
  })

  expect(readFileSync(path('app.txt.sigstore.json'), 'utf8')).toContain('"messageSignature"')
})

test('a file is signed with a certificate and a log entry of a Sigstore instance', async () => {
  const { path, write } = createSigningFolder()
  write('app.txt', 'hello\n')
  const { signingConfig } = await startSigstoreServices()
  const identity = `--identity-token ${UNTRUSTED_TOKEN} --signing-config ${signingConfig}`

  await runAll([`conformance sign-bundle ${identity} --bundle b.json app.txt`], {
    folder: path(''),
  })

  expect(readFileSync(path('b.json'), 'utf8')).toContain('"tlogEntries"')
})
