/**
 * Sigstore trusted roots (sigstore/protobuf-specs, sigstore_trustroot.proto), read more strictly than
 * \@sigstore/verify does: an authority without a start of validity would be trusted since 1970.
 *
 * @packageDocumentation
 */
import type { TrustedRoot } from '@sigstore/protobuf-specs'
import { CountersignError } from '../errors.ts'
import { type ObjectReader, parseJson, readObject } from '../formats/json.ts'
import type { KeyHistory } from '../keys/key-history.ts'
import { trustKeyHistory, type TrustMaterial } from './trust.ts'

const MAX_ROOT_BYTES = 4 * 1024 * 1024

function malformed(why: string, cause?: unknown): CountersignError {
  return new CountersignError('ERR_TRUST_INVALID', `malformed trusted root: ${why}`, {
    hint: 'give a trusted_root.json as `cosign trusted-root create` or /trust/trusted-root.json writes it',
    cause,
  })
}

/**
 * Parses a trusted root.
 *
 * @throws {@link CountersignError} ERR_TRUST_INVALID, ERR_JSON_INVALID, ERR_INPUT_TOO_LARGE
 */
export async function parseTrustedRoot(bytes: Uint8Array): Promise<TrustedRoot> {
  const root = readObject(parseJson(bytes, { maxBytes: MAX_ROOT_BYTES }), malformed, 'it')
  if (!root.text('mediaType').startsWith('application/vnd.dev.sigstore.trustedroot')) {
    throw malformed('its mediaType is not a trusted root')
  }
  for (const log of [...root.objects('tlogs', 'optional'), ...root.objects('ctlogs', 'optional')]) {
    assertStart(log.object('publicKey'))
  }
  for (const list of ['certificateAuthorities', 'timestampAuthorities']) {
    for (const authority of root.objects(list, 'optional')) assertStart(authority)
  }
  const { TrustedRoot } = await import('@sigstore/protobuf-specs')
  try {
    return TrustedRoot.fromJSON(root.json)
  } catch (cause) {
    throw malformed('a member has the wrong type', cause)
  }
}

/**
 * Trusts what a service publishes: each version within its window and state, and its authorities and logs.
 *
 * @throws {@link CountersignError} as {@link parseTrustedRoot}
 */
export async function toTrustMaterial(history: KeyHistory): Promise<TrustMaterial> {
  const { trustedRoot: root } = history
  const trustedRoot =
    root === undefined ? undefined : await parseTrustedRoot(Buffer.from(JSON.stringify(root)))
  return { keys: trustKeyHistory(history), trustedRoot }
}

function assertStart(reader: ObjectReader): void {
  const start = reader.object('validFor').text('start')
  if (Number.isNaN(Date.parse(start))) throw malformed('validFor.start is not a time')
}
