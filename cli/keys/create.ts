/** `countersign key create`. */
import { ALGORITHMS, type AlgorithmName } from '../../src/crypto/algorithms.ts'
import {
  describeKeyKind,
  parsePublicKeySpki,
  type PublicKeyInfo,
} from '../../src/crypto/public-key.ts'
import { CountersignError } from '../../src/errors.ts'
import { canCheckName } from '../../src/providers/key-lifecycle.ts'
import { canCreateEmpty } from '../../src/providers/key-material.ts'
import { displayKeyUri, type KeyUri, providerOf } from '../../src/providers/key-uri.ts'
import type { CreateKeyRequest, KeyProvider } from '../../src/providers/provider.ts'
import type { ConfigFlags } from '../configuration.ts'
import type { Outcome } from '../context.ts'
import { pinnedOptions } from './names.ts'
import { type CommandKeys, openKeys } from './open.ts'
import { schema } from '../render/json.ts'
import { type Mark, renderBlock, type Row } from '../render/layout.ts'
import { toKeyDocument } from '../render/key.ts'
import { quoteForShell } from '../../src/formats/shell-word.ts'
import { algorithmWarning } from '../render/sign.ts'
import type { CommandEnvironment } from '../command.ts'
import type { SecretFlags } from '../terminal/secrets.ts'

/** Options of the command. */
export interface CreateKeyFlags extends SecretFlags, ConfigFlags {
  readonly algorithm?: AlgorithmName | undefined
  readonly rsaBits?: '2048' | '3072' | '4096' | undefined
  readonly origin?: 'external' | undefined
  readonly dryRun?: true | undefined
}

const RSA_BITS = { '2048': 2048, '3072': 3072, '4096': 4096 } as const

/**
 * Makes a key, or says what would be made.
 *
 * @throws {@link CountersignError} ERR_KEY_EXISTS; ERR_USAGE — no passphrase, or `--rsa-bits` for another
 * kind of key; and those of the provider
 */
export async function createKeyCommand(
  reference: string,
  flags: CreateKeyFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  await using keys = openKeys(environment, flags)
  const chosen = await keys.find(reference)
  const { algorithm = 'ES256' } = pinnedOptions(chosen, { algorithm: flags.algorithm })
  const { signal } = environment.context
  const request = { uri: chosen.uri, algorithm, rsaBits: toRsaBits(flags, algorithm), signal }
  if (flags.dryRun === true) return await planned(request, keys)
  const provider = await keys.provider(request.uri)
  if (flags.origin === 'external') return createdEmpty(await createEmpty(provider, request))
  const uri = await provider.create(request)
  return created(uri, await describeNew(uri, request, keys), environment)
}

function createEmpty(provider: KeyProvider, request: CreateKeyRequest): Promise<KeyUri> {
  if (canCreateEmpty(provider)) return provider.createEmpty(request)
  const message = `no key without material can be made as "${displayKeyUri(request.uri)}"`
  throw new CountersignError('ERR_OPERATION_UNSUPPORTED', message, {
    hint: 'leave out --origin: on a token, countersign key import-material makes the key',
  })
}

/** It has no public key yet. */
function createdEmpty(uri: KeyUri): Outcome {
  const reference = displayKeyUri(uri)
  const next = `countersign key import-parameters ${quoteForShell(reference)} --output parameters.json`
  return {
    exitCode: 0,
    document: { schema: schema('key-created'), ok: true, exitCode: 0, reference },
    report: `The key waits for its material. Next:\n  ${next}\n`,
    text: `${reference}\n`,
  }
}

function toRsaBits(
  { rsaBits }: CreateKeyFlags,
  algorithm: AlgorithmName,
): CreateKeyRequest['rsaBits'] {
  if (rsaBits === undefined) return undefined
  if (ALGORITHMS[algorithm].family.startsWith('rsa-')) return RSA_BITS[rsaBits]
  throw new CountersignError('ERR_USAGE', `--rsa-bits, and ${algorithm} is not RSA`, {
    hint: 'leave it out, or choose an RSA algorithm: --algorithm RS256',
  })
}

/** A new key file may be encrypted: its public key is read from its own file, without another prompt. */
async function describeNew(
  uri: KeyUri,
  { algorithm, signal }: CreateKeyRequest,
  keys: CommandKeys,
): Promise<PublicKeyInfo> {
  const readable = providerOf(uri).publicHalf?.(uri).uri ?? uri
  return (await keys.provider(uri)).describe(readable, { algorithm, signal })
}

async function planned(request: CreateKeyRequest, keys: CommandKeys): Promise<Outcome> {
  const { uri, algorithm } = request
  await assertAbsent(request, keys)
  const key = displayKeyUri(uri)
  return {
    exitCode: 0,
    document: { schema: schema('key-plan'), ok: true, exitCode: 0, dryRun: true, key, algorithm },
    report: `would create ${key} for ${algorithm}\n`,
  }
}

async function assertAbsent(
  { uri, algorithm, signal }: CreateKeyRequest,
  keys: CommandKeys,
): Promise<void> {
  const provider = await keys.provider(uri)
  if (canCheckName(provider)) return provider.assertFree(uri)
  const found = await provider.describe(uri, { algorithm, signal }).catch((error: unknown) => {
    if (CountersignError.is(error, 'ERR_KEY_NOT_FOUND')) return undefined
    throw error
  })
  if (found === undefined) return
  throw new CountersignError('ERR_KEY_EXISTS', `"${displayKeyUri(uri)}" already exists`, {
    hint: 'a key is never overwritten: choose another name',
    details: { kid: found.kid },
  })
}

const CREATED: Mark = { word: 'CREATED', style: 'good' }

function created(uri: KeyUri, key: PublicKeyInfo, { terminal }: CommandEnvironment): Outcome {
  const reference = displayKeyUri(uri)
  const publicFile = providerOf(uri).publicHalf?.(uri).path
  const warning = algorithmWarning(key)
  if (warning !== undefined) terminal.say(`warning: ${warning}`)
  const rows: readonly Row[] = [
    ['kid', key.kid],
    ['algorithm', `${key.algorithm.name} (${describeKeyKind(key)})`],
    ...(publicFile === undefined ? [] : [['public key', publicFile] as const]),
    ...nextCommands(reference, key, publicFile).map((command): Row => ['next', command]),
  ]
  terminal.say(renderBlock(CREATED, reference, rows, terminal))
  return {
    exitCode: 0,
    document: {
      schema: schema('key'),
      ok: true,
      exitCode: 0,
      key: { ...toKeyDocument(reference, key), publicFile },
    },
    text: `${reference}\n`,
  }
}

function nextCommands(
  reference: string,
  key: PublicKeyInfo,
  publicFile: string | undefined,
): readonly string[] {
  const quoted = quoteForShell(reference)
  // Nothing in an RSA key says which of its algorithms was meant.
  const isUsual = parsePublicKeySpki(key.spki).algorithm === key.algorithm
  const algorithm = isUsual ? '' : ` --algorithm ${key.algorithm.name}`
  const sign = `countersign sign FILE --key ${quoted}${algorithm}`
  return publicFile === undefined ? [`countersign key export ${quoted}${algorithm}`, sign] : [sign]
}
