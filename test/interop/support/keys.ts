import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startKmsDouble } from '../../support/kms/double.ts'
import { kmsEnvironment } from '../../support/kms/environment.ts'
import { createSoftHsm } from '../../support/softhsm.ts'
import { countersign } from './run.ts'

/** Where a key lives and what it signs with; the title names both. */
export interface KeyKind {
  readonly place: string
  readonly algorithm: string
  readonly title: string
}

/** Where keys live, by what they sign with: the algorithms every tool in the field verifies. */
export const KEYS: readonly KeyKind[] = ['file', 'pkcs11', 'awskms'].flatMap((place) =>
  ['ES256', 'RS256'].map((algorithm) => ({ place, algorithm, title: `${place} ${algorithm}` })),
)

/** A key that our command line made and signs with. */
export interface SigningKey {
  readonly reference: string
  /** Its public half as PEM. */
  readonly publicPath: string
  /** What a process needs to reach it. */
  readonly env: Readonly<Record<string, string>>
}

/** One key of each kind. */
export interface KeyRing extends AsyncDisposable {
  readonly folder: string
  readonly key: (title: string) => SigningKey
}

/** Makes the keys by our own commands: in files, on a SoftHSM token, in a KMS double. */
export async function createKeyRing(): Promise<KeyRing> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-interop-'))
  const hsm = createSoftHsm(['interop'])
  const [token] = hsm.tokens
  const pinPath = join(folder, 'pin')
  writeFileSync(pinPath, token.pin, { mode: 0o600 })
  const double = await startKmsDouble()
  const places: Readonly<Record<string, (name: string) => string>> = {
    file: (name) => `file:${join(folder, name)}.pem`,
    pkcs11: (name) =>
      `pkcs11:token=interop;object=${name}?module-path=${hsm.modulePath}&pin-source=file:${pinPath}`,
    awskms: (name) => `awskms://${double.endpoint}/alias/${name}`,
  }
  const env = { ...kmsEnvironment(double.credentials), SOFTHSM2_CONF: hsm.configPath }
  const keys = new Map<string, SigningKey>()
  for (const { place, algorithm, title } of KEYS) {
    const reference = places[place]?.(algorithm) ?? ''
    const publicPath = join(folder, `${place}-${algorithm}.pub.pem`)
    const more = place === 'file' ? ['--no-passphrase'] : []
    await countersign(['key', 'create', reference, '--algorithm', algorithm, ...more], env)
    await countersign(['key', 'export', reference, '--output', publicPath], env)
    keys.set(title, { reference, publicPath, env })
  }
  return {
    folder,
    key: (title) => {
      const key = keys.get(title)
      if (key === undefined) throw new Error(`no key ${title}`)
      return key
    },
    [Symbol.asyncDispose]: async () => {
      await double.close()
      hsm.remove()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
