/** The test keys of the vectors, in testdata/keys: made once, committed, and never used for anything else. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasOwnKey } from '../../test/support/own-vectors.ts'
import { PROJECT } from '../../test/support/project.ts'

const WARNING =
  "A key of countersign's tests. It is public: trust nothing that it signs. Made by npm run vectors.\n\n"

const ec = (namedCurve: string) => (): KeyObject =>
  generateKeyPairSync('ec', { namedCurve }).privateKey
const rsa =
  (modulusLength: number, publicExponent = 65_537) =>
  (): KeyObject =>
    generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey
const ed25519 = (): KeyObject => generateKeyPairSync('ed25519').privateKey

const KEYS: Readonly<Record<string, () => KeyObject>> = {
  p256: ec('prime256v1'),
  'p256-other': ec('prime256v1'),
  'p256-explicit': () =>
    generateKeyPairSync('ec', { namedCurve: 'prime256v1', paramEncoding: 'explicit' }).privateKey,
  p384: ec('secp384r1'),
  p521: ec('secp521r1'),
  secp256k1: ec('secp256k1'),
  rsa1024: rsa(1024),
  rsa2048: rsa(2048),
  'rsa2048-e3': rsa(2048, 3),
  rsa3072: rsa(3072),
  rsa4096: rsa(4096),
  ed25519,
  'ed25519-other': ed25519,
  ed448: () => generateKeyPairSync('ed448').privateKey,
  x25519: () => generateKeyPairSync('x25519').privateKey,
  witness: ed25519,
}

/** Makes the keys that are not there yet; those that are there stay. */
export function makeMissingKeys(): void {
  const folder = join(PROJECT, 'testdata/keys')
  mkdirSync(folder, { recursive: true })
  for (const [name, make] of Object.entries(KEYS)) {
    if (hasOwnKey(name)) continue
    const pem = make().export({ type: 'pkcs8', format: 'pem' })
    writeFileSync(join(folder, `${name}.pem`), WARNING + pem.toString())
  }
}
