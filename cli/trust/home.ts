/**
 * What this user trusts: a folder with the service whose trust key was pinned, and the copy of what it
 * published last.
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { CachedDocument } from '../../src/client/cached-document.ts'
import { createChosenGet } from '../../src/client/bounded-get.ts'
import { readProxies } from '../../src/client/proxies.ts'
import { createDocumentFile } from '../../src/client/document-file.ts'
import { createJwksCache, type JwksCache } from '../../src/client/jwks-cache.ts'
import { createTrustCache, publicationUrl, type Trust } from '../../src/client/trust-cache.ts'
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import { decodeBase64, encodeBase64 } from '../../src/crypto/base64.ts'
import { parsePublicKeySpki, type PublicKeyInfo } from '../../src/crypto/public-key.ts'
import { CountersignError } from '../../src/errors.ts'
import { hasErrno, readFileBounded, writeFileAtomically } from '../../src/files.ts'
import { type JsonValue, parseJson, readObject } from '../../src/formats/json.ts'
import type { NoteKey } from '../../src/formats/note-key.ts'
import { readWitnessKeys } from '../../src/formats/witnesses.ts'
import { assertVersion } from '../../src/formats/versions.ts'
import type { Context } from '../context.ts'

/** A service and its trust key, as pinned. */
export interface TrustPin {
  readonly service: URL
  readonly trustKey: PublicKeyInfo
  /** Whose cosignatures of its logs count; its operator has no say in that. */
  readonly witnesses: readonly NoteKey[]
}

const SCHEMA = 'countersign.trust.v1'
const ANY_SCHEMA = /^countersign\.trust\.v\d+$/
const MAX_PIN_BYTES = 64 * 1024

/** The folder: COUNTERSIGN_HOME, else `countersign` where the user's programs keep their data. */
export function trustFolder({ env }: Pick<Context, 'env'>): string {
  const own = env['COUNTERSIGN_HOME'] ?? ''
  if (own !== '') return own
  const data = env['XDG_DATA_HOME'] ?? ''
  const home = env['HOME'] ?? homedir()
  return join(data === '' ? join(home, '.local/share') : data, 'countersign')
}

/**
 * Reads the services this user has pinned; undefined if there are none.
 *
 * @throws {@link CountersignError} ERR_TRUST_INVALID, ERR_JSON_INVALID, ERR_NOTE_INVALID, ERR_FILE_READ — it is there and
 * can't be used: who has pinned a service is never silently without it
 */
export async function readPin(context: Pick<Context, 'env'>): Promise<TrustPin | undefined> {
  const path = join(trustFolder(context), 'trust.json')
  let bytes: Uint8Array
  try {
    bytes = await readFileBounded(path, MAX_PIN_BYTES)
  } catch (error) {
    if (hasErrno(error, 'ENOENT') || hasErrno(error, 'ENOTDIR')) return undefined
    throw error
  }
  const malformed = (why: string): CountersignError =>
    new CountersignError('ERR_TRUST_INVALID', `"${path}" can't be used: ${why}`, {
      hint: 'pin the service again: countersign trust init URL --fingerprint sha256:…',
    })
  const pin = readObject(parseJson(bytes), malformed, 'it')
  const schema = pin.text('schema')
  if (ANY_SCHEMA.test(schema)) assertVersion(`the pin in ${path}`, schema, SCHEMA)
  const spki = decodeBase64(pin.text('spki'))
  const service = URL.parse(pin.text('service'))
  if (schema !== SCHEMA || spki === undefined || service === null) {
    throw malformed('a member is malformed')
  }
  const vkeys = pin.value('witnesses') ?? []
  if (!isTexts(vkeys)) throw malformed('witnesses is not an array of texts')
  const trustKey = parsePublicKeySpki(spki, pin.text('algorithm'))
  return { service, trustKey, witnesses: readWitnessKeys(vkeys) }
}

function isTexts(value: JsonValue): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

/** Whether a service is the pinned one. */
export function isPinned(pin: TrustPin, service: URL): boolean {
  return publicationUrl(pin.service).href === publicationUrl(service).href
}

/** Pins a service in place of the one that was pinned. */
export async function writePin(
  { service, trustKey, witnesses }: TrustPin,
  context: Pick<Context, 'env'>,
): Promise<void> {
  const folder = trustFolder(context)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const { kid, algorithm, spki } = trustKey
  const pin = {
    schema: SCHEMA,
    service: service.href,
    kid,
    algorithm: algorithm.name,
    spki: encodeBase64(spki),
    ...(witnesses.length > 0 && { witnesses: witnesses.map(({ vkey }) => vkey) }),
  }
  const text = `${JSON.stringify(pin, null, 2)}\n`
  await writeFileAtomically(join(folder, 'trust.json'), text, { mode: 0o600, overwrite: true })
}

/**
 * What a pinned service publishes, with its copy in the folder.
 *
 * @param copy - `ignored`: what was seen under the pin before does not count, and is replaced
 */
export function openTrust(
  { service, trustKey }: TrustPin,
  context: Pick<Context, 'env' | 'now'>,
  copy: 'used' | 'ignored' = 'used',
): CachedDocument<Trust> {
  // A copy belongs to one pin: after another one it must not be read.
  const name = `published-${trustKey.kid.slice(0, 16)}.json`
  const file = createDocumentFile(join(trustFolder(context), name))
  return createTrustCache({
    service,
    trustKey,
    get: createChosenGet(readProxies(context.env)),
    now: context.now,
    random: Math.random,
    copy: copy === 'used' ? file : { ...file, read: () => Promise.resolve(undefined) },
  })
}

/** The key set of an issuer, with its copy in the folder, where one can be kept. */
export function openKeySet(
  url: URL,
  context: Pick<Context, 'env' | 'now'>,
  algorithms: readonly AlgorithmName[] | undefined,
): JwksCache {
  const folder = trustFolder(context)
  const name = createHash('sha256').update(url.href).digest('hex').slice(0, 16)
  const file = createDocumentFile(join(folder, `jwks-${name}.json`))
  return createJwksCache({
    url,
    get: createChosenGet(readProxies(context.env)),
    now: context.now,
    random: Math.random,
    algorithms,
    copy: {
      read: () => file.read(),
      write: async (document) => {
        // Where it can't be made, writing the copy says why.
        await mkdir(folder, { recursive: true, mode: 0o700 }).catch(() => undefined)
        await file.write(document)
      },
    },
  })
}
