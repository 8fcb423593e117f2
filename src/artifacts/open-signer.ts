/** Opening what signs artifacts, for callers of the library. */
import type { PredicateInput } from '../formats/predicates/predicate.ts'
import type { KeyUse } from '../keys/key.ts'
import type { Signer } from '../signing/signer.ts'
import type { TrustMaterial } from '../verification/trust.ts'
import type { ArtifactSigner } from './artifact-signer.ts'
import { assertObject, assertText, type CommonOptions, systemClock } from './defaults.ts'

/** A key that this machine reaches. */
export interface OpenKeyedSigner {
  /** The open key; it stays open when the artifact signer is closed. */
  readonly signer: Signer
  /** What the key is published for; an `artifact` key signs statements about files, not their digests. */
  readonly use?: KeyUse | undefined
  /** Makes provenance for `attest`, where the caller can vouch for it. */
  readonly makeProvenance?: (() => Promise<PredicateInput>) | undefined
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

/** What is opened. */
export type OpenSignerOptions = Omit<CommonOptions, 'registry'> & {
  /** What the receivers trust; default: the key itself, or what its service publishes. */
  readonly trust?: TrustMaterial | undefined
} & (OpenKeyedSigner | OpenServiceSigner)

/**
 * Opens what signs artifacts: a key that this machine reaches, or one of a service. Each signature is verified
 * before it is returned.
 *
 * @throws TypeError — wrong options
 * @throws {@link CountersignError} the errors of reading what the service publishes; ERR_USAGE — an address
 * that would send the token in the clear
 */
export async function openSigner(options: OpenSignerOptions): Promise<ArtifactSigner> {
  assertObject('signer', 'server' in options ? options : options.signer)
  if ('server' in options) return openOfService(options)
  const { signer, use, makeProvenance, trust, now = systemClock, signal } = options
  const { createLocalSigner } = await import('./local-signer.ts')
  const owner = { [Symbol.asyncDispose]: () => Promise.resolve() }
  return createLocalSigner({ signer, owner, use, makeProvenance, trust, now, signal })
}

async function openOfService(
  options: OpenServiceSigner & Exclude<OpenSignerOptions, OpenKeyedSigner>,
): Promise<ArtifactSigner> {
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
