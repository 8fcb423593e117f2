/** `countersign key show` and `countersign key export`. */
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import {
  type PublicKeyInfo,
  serializePublicKeyJwk,
  serializePublicKeyPem,
} from '../../src/crypto/public-key.ts'
import { CountersignError } from '../../src/errors.ts'
import { writeFileAtomically } from '../../src/files.ts'
import { displayKeyUri } from '../../src/providers/key-uri.ts'
import type { ConfigFlags } from '../configuration.ts'
import type { Outcome } from '../context.ts'
import { openKeys } from './open.ts'
import { schema } from '../render/json.ts'
import { renderKey, toKeyDocument } from '../render/key.ts'
import type { CommandEnvironment } from '../command.ts'
import type { SecretFlags } from '../terminal/secrets.ts'

/** Forms a public key is written in. */
export const EXPORT_FORMATS = ['pem', 'jwk', 'jwks'] as const

/** Options of both commands. */
export interface ShowKeyFlags extends SecretFlags, ConfigFlags {
  readonly algorithm?: AlgorithmName | undefined
}

/** Options of `key export`. */
export interface ExportKeysFlags extends ShowKeyFlags {
  readonly format: (typeof EXPORT_FORMATS)[number]
  readonly output?: string | undefined
}

/** Shows one key. */
export async function showKey(
  reference: string,
  { algorithm, ...flags }: ShowKeyFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  await using keys = openKeys(environment, flags)
  const { uri } = await keys.find(reference)
  const key = toKeyDocument(displayKeyUri(uri), await keys.describe(reference, { algorithm }))
  return {
    exitCode: 0,
    document: { schema: schema('key'), ok: true, exitCode: 0, key },
    report: renderKey(key, environment.terminal.report),
  }
}

/**
 * Writes the public half of keys to stdout or a file.
 *
 * @throws {@link CountersignError} ERR_USAGE — several keys in a form that holds one; ERR_FILE_WRITE; and
 * those of reading keys
 */
export async function exportKeys(
  references: readonly string[],
  { algorithm, format, output, ...flags }: ExportKeysFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  await using keys = openKeys(environment, flags)
  const read: PublicKeyInfo[] = []
  for (const reference of references) read.push(await keys.describe(reference, { algorithm }))
  const text = serializeKeys(read, format)
  if (output !== undefined) {
    await writeFileAtomically(output, text)
    environment.terminal.say(`wrote ${output}`)
  }
  const kids = read.map(({ kid }) => kid)
  const document = { schema: schema('key-export'), ok: true, exitCode: 0, format, kids }
  if (output !== undefined) return { exitCode: 0, document: { ...document, output } }
  return { exitCode: 0, document: { ...document, text }, text }
}

function serializeKeys(keys: readonly PublicKeyInfo[], format: ExportKeysFlags['format']): string {
  if (format === 'jwks') return serializeJson({ keys: keys.map(serializePublicKeyJwk) })
  const [key, another] = keys
  if (key === undefined || another !== undefined) {
    throw new CountersignError('ERR_USAGE', `${format} holds one key, not ${keys.length}`, {
      hint: 'export several keys with --format jwks, or one after the other',
    })
  }
  return format === 'pem' ? serializePublicKeyPem(key) : serializeJson(serializePublicKeyJwk(key))
}

function serializeJson(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
