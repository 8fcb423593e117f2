/** `countersign key import-parameters|wrap|import-material`: the steps of a key ceremony. */
import { fingerprintOf, parseFingerprint } from '../../src/client/trust-pin.ts'
import { digestHex, digestOf } from '../../src/crypto/digest.ts'
import { wrapKeyMaterial } from '../../src/crypto/key-wrap.ts'
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import {
  fromKeyObject,
  parsePublicKeySpki,
  type PublicKeyInfo,
} from '../../src/crypto/public-key.ts'
import { CountersignError } from '../../src/errors.ts'
import { readFileBounded, writeFileAtomically } from '../../src/files.ts'
import {
  type ImportParameters,
  MAX_KEY_IMPORT_BYTES,
  parseImportParameters,
  parseWrappedKey,
  serializeImportParameters,
  serializeWrappedKey,
  type WrappedKey,
} from '../../src/formats/key-import.ts'
import { canImportMaterial, type MaterialImporter } from '../../src/providers/key-material.ts'
import { displayKeyUri } from '../../src/providers/key-uri.ts'
import type { KeyProvider } from '../../src/providers/provider.ts'
import type { ConfigFlags } from '../configuration.ts'
import type { CommandEnvironment } from '../command.ts'
import type { Outcome } from '../context.ts'
import { schema } from '../render/json.ts'
import { renderKey, toKeyDocument } from '../render/key.ts'
import { renderRows, toReport } from '../render/layout.ts'
import { createSecretSources, type SecretFlags } from '../terminal/secrets.ts'
import { pinnedOptions } from './names.ts'
import { openKeys } from './open.ts'

/** Options of `key import-parameters`. */
export interface ParametersFlags extends ConfigFlags {
  readonly output: string
}

/** Options of `key wrap`. */
export interface WrapFlags extends SecretFlags {
  readonly parameters: string
  readonly wrappingFingerprint: string
  readonly output: string
}

/** Options of `key import-material`. */
export interface MaterialFlags extends ConfigFlags {
  readonly parameters: string
  readonly wrapped: string
  readonly fingerprint: string
  readonly algorithm?: AlgorithmName | undefined
}

/**
 * Writes what key material for a key is wrapped with.
 *
 * @throws {@link CountersignError} ERR_OPERATION_UNSUPPORTED — such keys take none in; ERR_FILE_WRITE; and those of
 * the provider
 */
export async function writeImportParameters(
  reference: string,
  { output, ...flags }: ParametersFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  await using keys = openKeys(environment, flags)
  const { uri } = await keys.find(reference)
  const { signal } = environment.context
  const provider = importerOf(await keys.provider(uri), reference)
  const given = await provider.importParameters(uri, { signal })
  const parameters = { key: displayKeyUri(uri), ...given }
  await writeFileAtomically(output, serializeImportParameters(parameters))
  const wrappingFingerprint = fingerprintOf(parsePublicKeySpki(given.wrappingKey))
  const validUntil = given.validUntil?.toISOString()
  return report('import-parameters', environment, {
    key: parameters.key,
    wrapping: given.wrapping,
    wrappingFingerprint,
    ...(validUntil !== undefined && { validUntil }),
    output,
  })
}

/**
 * Wraps a private key for one backend, offline. The key leaves this process wrapped alone.
 *
 * @throws {@link CountersignError} ERR_IDENTITY_MISMATCH — the wrapping key is not the one that was compared;
 * ERR_JSON_INVALID, ERR_KEY_INVALID, ERR_PASSPHRASE_WRONG, ERR_FILE_READ, ERR_FILE_WRITE
 */
export async function wrapKey(
  path: string,
  { parameters: from, wrappingFingerprint, output, ...flags }: WrapFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const { wrapping, wrappingKey } = await readParameters(from)
  const trusted = parsePublicKeySpki(wrappingKey)
  assertFingerprint('wrapping key', trusted, wrappingFingerprint)
  const { readPassphrase } = createSecretSources(environment, flags)
  const pem = Buffer.from(await readFileBounded(path, MAX_KEY_IMPORT_BYTES)).toString()
  // Only this command reads a key file without its provider.
  const { parsePrivateKeyPem } = await import('../../src/providers/file/private-key.ts')
  const privateKey = await parsePrivateKeyPem({ path, pem }, readPassphrase)
  const publicKey = fromKeyObject(privateKey)
  const material = privateKey.export({ type: 'pkcs8', format: 'der' })
  const wrapped = wrapKeyMaterial(material, wrapping, trusted)
  material.fill(0)
  const key: WrappedKey = { wrapped, publicKey: publicKey.spki }
  await writeFileAtomically(output, serializeWrappedKey(key))
  return report('wrapped-key', environment, {
    fingerprint: fingerprintOf(publicKey),
    kid: publicKey.kid,
    wrappedSha256: digestHex(digestOf(wrapped)),
    output,
  })
}

/**
 * Has a backend unwrap key material, and makes sure that the key is the one that was compared, and signs.
 *
 * @throws {@link CountersignError} ERR_IDENTITY_MISMATCH — another key was wrapped; ERR_KEY_INVALID — it cannot be
 * unwrapped, or is another key; and those of the provider
 */
export async function importMaterial(
  reference: string,
  flags: MaterialFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const parameters = await readParameters(flags.parameters)
  const key = parseWrappedKey(await readFileBounded(flags.wrapped, MAX_KEY_IMPORT_BYTES))
  await using keys = openKeys(environment, flags)
  const chosen = await keys.find(reference)
  const { algorithm } = pinnedOptions(chosen, { algorithm: flags.algorithm })
  const publicKey = parsePublicKeySpki(key.publicKey, algorithm)
  assertFingerprint('wrapped key', publicKey, flags.fingerprint)
  const provider = importerOf(await keys.provider(chosen.uri), reference)
  const { signal } = environment.context
  const request = { uri: chosen.uri, wrapped: key.wrapped, parameters, publicKey, signal }
  const pinned = displayKeyUri(await provider.importMaterial(request))
  const document = toKeyDocument(pinned, publicKey)
  const wrappedSha256 = digestHex(digestOf(key.wrapped))
  return {
    exitCode: 0,
    document: { schema: schema('key'), ok: true, exitCode: 0, key: document, wrappedSha256 },
    report: `${renderKey(document, environment.terminal.report)}wrapped    sha256:${wrappedSha256}\n`,
    text: `${pinned}\n`,
  }
}

function importerOf(provider: KeyProvider, reference: string): KeyProvider & MaterialImporter {
  if (canImportMaterial(provider)) return provider
  const message = `no key material can be imported into "${reference}"`
  throw new CountersignError('ERR_OPERATION_UNSUPPORTED', message, {
    hint: 'name a key of AWS KMS, or a token',
  })
}

async function readParameters(path: string): Promise<ImportParameters> {
  return parseImportParameters(await readFileBounded(path, MAX_KEY_IMPORT_BYTES))
}

/** Both files pass through other hands, so what they hold counts only by the fingerprint that people compared. */
function assertFingerprint(what: string, key: PublicKeyInfo, expected: string): void {
  const found = fingerprintOf(key)
  if (found === parseFingerprint(expected)) return
  const message = `the ${what} is ${found}, expected ${parseFingerprint(expected)}`
  throw new CountersignError('ERR_IDENTITY_MISMATCH', message, {
    hint: 'the file was replaced, or belongs to another ceremony: stop, and find out which',
    details: { found },
  })
}

function report(
  name: string,
  { terminal }: CommandEnvironment,
  facts: Readonly<Record<string, string>>,
): Outcome {
  const rows = Object.entries(facts).map(([label, value]) => [label, value] as const)
  return {
    exitCode: 0,
    document: { schema: schema(name), ok: true, exitCode: 0, ...facts },
    report: toReport(renderRows(rows, terminal.report, 0)),
  }
}
