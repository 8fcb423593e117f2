/** The commands of the runbook of a key ceremony, as it has them, against the double of AWS KMS and a service. */
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type CliResult, countersign } from '../support/cli.ts'
import { documentedCommands } from '../support/documented-commands.ts'
import { startKmsDouble } from '../support/kms/double.ts'
import { stubKmsEnvironment } from '../support/kms/stub-environment.ts'
import { startOidcIssuer } from '../support/oidc-issuer.ts'
import { readProjectFile } from '../support/project.ts'
import { runServer } from '../support/server.ts'
import { createSoftHsm } from '../support/softhsm.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const ALL = documentedCommands(readProjectFile('docs/runbooks/key-ceremony.md'))
const isOnToken = ({ words }: (typeof ALL)[number]): boolean =>
  words.some((word) => word.startsWith('pkcs11:'))
const COMMANDS = ALL.filter((command) => !isOnToken(command))
const ON_TOKEN = ALL.filter((command) => isOnToken(command) || command.words[1] === 'wrap')
const PASSPHRASE = 'known to the custodian'

type Facts = Readonly<Record<string, string>>

function factsOf({ stdout }: CliResult): Facts {
  return JSON.parse(stdout) as Facts
}

/** The commands of the runbook, one after the other; the text in them that stands for something is replaced. */
function readRunbook(
  texts: ReadonlyMap<string, string>,
  commands = COMMANDS,
): readonly (readonly string[])[] {
  return commands.map(({ words }) =>
    words.map((word) => {
      let text = word
      for (const [from, to] of texts) text = text.replaceAll(from, to)
      return text
    }),
  )
}

function writeEncryptedKey(path: string): void {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const cipher = { cipher: 'aes-256-cbc', passphrase: PASSPHRASE }
  writeFileSync(path, privateKey.export({ type: 'pkcs8', format: 'pem', ...cipher }))
}

test('the ceremony of the runbook brings a key into KMS, and two people give it to the service', async () => {
  const folder = createTempFolder()
  const double = await startKmsDouble()
  onTestFinished(() => double[Symbol.asyncDispose]())
  stubKmsEnvironment(double.credentials)
  onTestFinished(() => void vi.unstubAllEnvs())
  const issuer = await startOidcIssuer()
  const service = writeServiceFolder({
    folder: createTempFolder(),
    keys: {
      release: { use: 'artifact', provider: `awskms://${double.endpoint}/?region=eu-west-1` },
    },
    access: {
      issuers: [{ issuer: issuer.issuer, allowPrivateAddresses: true }],
      approvals: { required: 2, actions: ['importKey'] },
    },
  })
  const { address } = await runServer(service)
  writeEncryptedKey(join(folder, 'offline.pem'))

  const texts = new Map([
    ['awskms:///', `awskms://${double.endpoint}/`],
    ['https://sign.example.com', address],
    ...['parameters.json', 'offline.pem', 'wrapped.json'].map(
      (name) => [name, join(folder, name)] as const,
    ),
  ])
  let next = 0
  const step = async (as: string): Promise<CliResult> => {
    const args = readRunbook(texts)[next] ?? []
    next += 1
    const env = {
      COUNTERSIGN_PASSPHRASE: PASSPHRASE,
      COUNTERSIGN_TOKEN: await issuer.mint({ sub: as }),
    }
    return countersign([...args, '--json'], { env, now: new Date() })
  }

  expect(await step('operator')).toMatchObject({ exitCode: 0 })
  const parameters = await step('operator')
  expect(parameters).toMatchObject({ exitCode: 0 })
  texts.set('$WRAPPING_FINGERPRINT', factsOf(parameters)['wrappingFingerprint'] ?? '')
  const wrapped = await step('custodian')
  expect(wrapped).toMatchObject({ exitCode: 0 })
  const { fingerprint = '', kid = '', wrappedSha256 = '' } = factsOf(wrapped)
  texts.set('$FINGERPRINT', fingerprint)
  texts.set('$WRAPPED_SHA256', wrappedSha256)
  expect(await step('operator')).toMatchObject({ exitCode: 0 })

  // A version that the service makes meanwhile would take the number that is approved.
  const headers = { authorization: service.authorization }
  const versions = async (): Promise<unknown> => {
    const key = await (await fetch(`${address}/v1/keys/release`, { headers })).json()
    return (key as { readonly versions: readonly unknown[] }).versions.length
  }
  await expect.poll(versions, { timeout: 30_000 }).toBe(2)
  const asked = await step('operator')
  expect(asked.stdout).toContain('ERR_APPROVAL_REQUIRED')
  const waiting = await step('custodian')
  expect(waiting.stdout).toContain(`import 3 ${kid}`)
  const { approvals } = JSON.parse(waiting.stdout) as { readonly approvals: readonly Facts[] }
  texts.set('$ID', approvals[0]?.['id'] ?? '')
  texts.set('$REQUEST_SHA256', approvals[0]?.['requestSha256'] ?? '')
  expect(await step('custodian')).toMatchObject({ exitCode: 0 })
  const imported = await step('operator')
  expect(JSON.parse(imported.stdout)).toMatchObject({ changed: [{ kid }, { kid }] })
  const audited = await step('operator')

  expect(next).toBe(COMMANDS.length)
  expect(audited.stdout).toContain(fingerprint)
  expect(audited.stdout).toContain(wrappedSha256)
  const crossed = ['parameters.json', 'wrapped.json'].map((name) =>
    readFileSync(join(folder, name), 'utf8'),
  )
  expect(crossed.join()).not.toContain('PRIVATE')
})

test('the ceremony of the runbook brings a key into a token, where it signs and stays', async () => {
  const hsm = createSoftHsm(['prod'])
  onTestFinished(hsm.remove)
  const folder = createTempFolder()
  writeEncryptedKey(join(folder, 'offline.pem'))
  const env = {
    COUNTERSIGN_PASSPHRASE: PASSPHRASE,
    COUNTERSIGN_PKCS11_PIN: hsm.tokens[0].pin,
    COUNTERSIGN_PKCS11_MODULE: hsm.modulePath,
    SOFTHSM2_CONF: hsm.configPath,
  }
  const texts = new Map(
    ['parameters.json', 'offline.pem', 'wrapped.json'].map(
      (name) => [name, join(folder, name)] as const,
    ),
  )
  // The runbook names the wrapping first; of a token, it comes between the other two.
  const order = ['import-parameters', 'wrap', 'import-material']
  const step = async (name: string): Promise<CliResult> => {
    const args = readRunbook(texts, ON_TOKEN).find((words) => words[1] === name) ?? []
    return countersign([...args, '--json'], { env })
  }
  expect(ON_TOKEN.map(({ words }) => words[1]).toSorted()).toEqual(order.toSorted())

  const parameters = await step('import-parameters')
  expect(parameters).toMatchObject({ exitCode: 0 })
  texts.set('$WRAPPING_FINGERPRINT', factsOf(parameters)['wrappingFingerprint'] ?? '')
  const wrapped = await step('wrap')
  expect(wrapped).toMatchObject({ exitCode: 0 })
  texts.set('$FINGERPRINT', factsOf(wrapped)['fingerprint'] ?? '')
  const imported = await step('import-material')
  expect(imported).toMatchObject({ exitCode: 0 })

  const { key } = JSON.parse(imported.stdout) as { readonly key: Facts }
  const args = ['key', 'show', key['reference'] ?? '', '--json']
  const shown = await countersign(args, { env })
  expect(JSON.parse(shown.stdout)).toMatchObject({ key: { kid: factsOf(wrapped)['kid'] } })
  // The wrapping key pair is gone, so the same files import nothing again.
  const again = await step('import-material')
  expect(again.stdout).toContain('ERR_KEY_EXISTS')
})
