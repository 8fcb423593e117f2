import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { countersign, documentOf } from '../../support/cli.ts'
import { type KmsDouble, startKmsDouble } from '../../support/kms/double.ts'
import { stubKmsEnvironment } from '../../support/kms/stub-environment.ts'
import { createSoftHsm } from '../../support/softhsm.ts'

interface KeyDocument {
  readonly key: { readonly reference: string; readonly kid: string }
}

describe('in AWS KMS', () => {
  let double: KmsDouble

  beforeEach(async () => {
    double = await startKmsDouble()
    stubKmsEnvironment(double.credentials)
  })

  afterEach(async () => {
    vi.unstubAllEnvs()
    await double[Symbol.asyncDispose]()
  })

  test('key create names the new key by its ARN, which key show finds again', async () => {
    const asked = `awskms://${double.endpoint}/alias/release`

    const made = await countersign(['key', 'create', asked, '--json'])

    const { reference, kid } = documentOf<KeyDocument>(made).key
    expect(reference).toContain('/arn:aws:kms:')
    for (const name of [asked, reference]) {
      const shown = documentOf<KeyDocument>(await countersign(['key', 'show', name, '--json']))
      expect(shown.key).toMatchObject({ kid, algorithm: 'ES256' })
    }
  })

  test('key create tells those without access how to get the public half', async () => {
    const asked = `awskms://${double.endpoint}/alias/release`

    const { stdout, stderr } = await countersign(['key', 'create', asked])

    expect(stderr).toContain(`  next       countersign key export ${stdout.trim()}\n`)
    const exported = await countersign(['key', 'export', stdout.trim()])
    expect(exported.stdout).toMatch(/^-----BEGIN PUBLIC KEY-----/)
  })

  test('key create --dry-run creates nothing, and finds an existing key', async () => {
    const asked = `awskms://${double.endpoint}/alias/release`

    expect(await countersign(['key', 'create', asked, '--dry-run'])).toMatchObject({ exitCode: 0 })
    expect(double.calls.get('CreateKey')).toBeUndefined()
    await countersign(['key', 'create', asked])
    const again = await countersign(['key', 'create', asked, '--dry-run', '--json'])
    expect(documentOf(again)).toMatchObject({ error: { code: 'ERR_KEY_EXISTS' } })
  })
})

describe('on a PKCS#11 token', () => {
  const hsm = createSoftHsm(['release'])
  const [token] = hsm.tokens
  const env = {
    COUNTERSIGN_PKCS11_PIN: token.pin,
    COUNTERSIGN_PKCS11_MODULE: hsm.modulePath,
    SOFTHSM2_CONF: hsm.configPath,
  }
  afterAll(hsm.remove)

  test('key create names the new key by its id, and never shows a PIN', async () => {
    const asked = 'pkcs11:token=release;object=first'

    const made = await countersign(['key', 'create', asked, '--json'], { env })

    const { reference } = documentOf<KeyDocument>(made).key
    expect(reference).toMatch(/;id=%/)
    expect(made.stdout).not.toContain(token.pin)
  })

  test('a key of a token is created, shown and exported', async () => {
    const made = await countersign(['key', 'create', 'pkcs11:token=release;object=second'], { env })
    const reference = made.stdout.trim()

    const shown = await countersign(['key', 'show', reference], { env })
    const exported = await countersign(['key', 'export', reference], { env })

    expect(shown.stdout).toContain('ES256 (EC P-256)')
    expect(exported.stdout).toMatch(/^-----BEGIN PUBLIC KEY-----/)
    expect(made.stderr).toContain(`key export '${reference}'`)
  })
})
