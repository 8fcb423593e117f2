/** Opening what signs artifacts, for callers of the library. */
import { assertChoice, assertMembers, assertObject, assertText } from '../basics/arguments.ts'
import type { PredicateInput } from '../formats/predicates/predicate.ts'
import { KEY_USES, type KeyUse } from '../keys/key.ts'
import type { KeyUri } from '../providers/key-uri.ts'
import type { Signer } from '../signing/signer.ts'
import { assertTrust } from '../verification/argument-shapes.ts'
import type { TrustMaterial } from '../verification/trust.ts'
import type { ArtifactSigner } from './artifact-signer.ts'
import { assertCommon, type CommonOptions, systemClock } from './defaults.ts'
import { openKey, type OpenKeyByReference } from './open-key.ts'

/** What a key of this machine is opened with beside the key itself. */
export interface LocalKeyOptions {
  /** What the key is published for; an `artifact` key signs statements about files, not their digests. */
  readonly use?: KeyUse | undefined
  /** Makes provenance for `attest`, where the caller can vouch for it. */
  readonly makeProvenance?: (() => Promise<PredicateInput>) | undefined
}

/** A key that the caller has opened. */
export interface OpenKeyedSigner extends LocalKeyOptions {
  /** The open key; it stays open when the artifact signer is closed. */
  readonly signer: Signer
}

/** A key of a service. */
export interface OpenServiceSigner {
  /** Address of the service; https, or this machine. */
  readonly server: string | URL
  /** Name of the key. */
  readonly key: string
  /** The caller's token, or what gives one that is good now. */
  readonly token: string | ((signal: AbortSignal | undefined) => Promise<string>)
}

/** Clock, signal and trust of a signer. */
export type SignerSurroundings = Omit<CommonOptions, 'registry'> & {
  /** What the receivers trust; default: the key itself, or what its service publishes. */
  readonly trust?: TrustMaterial | undefined
}

/** What is opened. */
export type OpenSignerOptions = SignerSurroundings & (OpenKeyedSigner | OpenServiceSigner)

/** How a key is opened that is named by its reference. */
export type OpenReferenceOptions = SignerSurroundings & LocalKeyOptions & OpenKeyByReference

/**
 * Opens what signs artifacts: a key that this machine reaches, by its reference or opened by the caller, or a key of
 * a service. Each signature is verified before it is returned.
 *
 * @param key - a reference of any backend, or the path of a key file; or an open key, or a service and its key
 * @param options - of a key that is named by its reference
 * @throws TypeError — wrong arguments
 * @throws {@link CountersignError} the errors of {@link openKey}, and of reading what the service publishes;
 * ERR_USAGE — an address that would send the token in the clear
 *
 * @example
 * ```ts
 * import { openSigner, signFile } from 'countersign'
 * import { readFile } from 'node:fs/promises'
 *
 * await using signer = await openSigner({
 *   server: 'https://sign.example.com',
 *   key: 'release',
 *   token: await readFile('token', 'utf8'),
 * })
 * const signed = await signFile({ signer, path: 'app.tar.gz' })
 * console.log(signed.key.name, signed.key.version) // release 1
 * ```
 */
export async function openSigner(
  key: string | KeyUri | OpenSignerOptions,
  options: OpenReferenceOptions = {},
): Promise<ArtifactSigner> {
  if (typeof key === 'string') return openReference(key, options)
  assertObject('key', key)
  if ('scheme' in key) return openReference(key, options)
  if ('server' in key) return openOfService(key)
  const { signer } = key
  assertMembers('signer', signer, { key: 'object', sign: 'function' })
  assertSurroundings(key)
  const owner = { [Symbol.asyncDispose]: () => Promise.resolve() }
  return createOwned(signer, owner, key)
}

async function openReference(
  reference: string | KeyUri,
  options: OpenReferenceOptions,
): Promise<ArtifactSigner> {
  assertSurroundings(options)
  const opened = await openKey(reference, options)
  return createOwned(opened, opened, options)
}

function assertSurroundings(options: SignerSurroundings & LocalKeyOptions): void {
  assertCommon(options)
  assertMembers('options', options, { makeProvenance: 'function?' })
  assertChoice('use', options.use, KEY_USES)
  if (options.trust !== undefined) assertTrust(options.trust)
}

async function createOwned(
  signer: Signer,
  owner: AsyncDisposable,
  { use, makeProvenance, trust, now = systemClock, signal }: SignerSurroundings & LocalKeyOptions,
): Promise<ArtifactSigner> {
  const { createLocalSigner } = await import('./local-signer.ts')
  return createLocalSigner({ signer, owner, use, makeProvenance, trust, now, signal })
}

async function openOfService(
  options: OpenServiceSigner & SignerSurroundings,
): Promise<ArtifactSigner> {
  assertSurroundings(options)
  const { key, token, trust, now = systemClock, signal } = options
  const url = URL.parse(String(options.server))
  if (url === null) throw new TypeError('the option server must be the address of a service')
  assertText('key', key)
  if (typeof token !== 'function') assertText('token', token)
  const [{ openServiceSigner }, { nameRun }, { createServiceClient }, service, { createRuntime }] =
    await Promise.all([
      import('./service-signer.ts'),
      import('./run-name.ts'),
      import('../client/service-client.ts'),
      import('../client/service-keys.ts'),
      import('../basics/runtime.ts'),
    ])
  const runtime = createRuntime(() => now().getTime())
  const readToken = typeof token === 'function' ? token : () => Promise.resolve(token)
  return openServiceSigner({
    server: url.href.replace(/\/+$/, ''),
    client: createServiceClient({ url, token: readToken, runtime }),
    keys: service.publishedKeys(url, {
      signal: signal ?? new AbortController().signal,
      now,
      env: {},
    }),
    key,
    run: nameRun({}),
    trust,
    now,
    signal,
  })
}
