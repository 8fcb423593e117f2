/** `countersign trust init`. */
import { createChosenGet } from '../../src/client/bounded-get.ts'
import { readProxies } from '../../src/client/proxies.ts'
import { publicationUrl } from '../../src/client/trust-cache.ts'
import { assertFingerprint, findTrustKey, fingerprintOf } from '../../src/client/trust-pin.ts'
import { CountersignError } from '../../src/errors.ts'
import { parseKeyHistory } from '../../src/keys/key-history.ts'
import { assertPublicationCurrent } from '../../src/keys/publication-times.ts'
import type { PublicKeyInfo } from '../../src/crypto/public-key.ts'
import type { CommandEnvironment } from '../command.ts'
import type { Outcome } from '../context.ts'
import { openTrust, type TrustPin, writePin } from './home.ts'
import { toTrustOutcome } from './show.ts'
import { readNamedWitnesses } from '../log/witness-keys.ts'

const MAX_PUBLICATION_BYTES = 8 * 1024 * 1024

/** Options of the command. */
export interface InitTrustFlags {
  readonly fingerprint?: string | undefined
  /** Verifier keys of witnesses, or files of them. */
  readonly witnessKey?: readonly string[] | undefined
}

/**
 * Pins a service.
 *
 * @throws {@link CountersignError} ERR_USAGE — no address, or no fingerprint and no terminal to ask on;
 * ERR_KEY_NOT_TRUSTED — another trust key than the fingerprint says, or the user said no; ERR_TRUST_EXPIRED —
 * its publication is past its time; ERR_NOTE_INVALID, ERR_FILE_READ — a witness key; and the errors of fetching
 */
export async function initTrust(
  address: string,
  flags: InitTrustFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const { context } = environment
  const service = URL.parse(address)
  if (service === null) {
    throw new CountersignError('ERR_USAGE', `"${address}" is not an address`, {
      hint: 'write the address of the service: https://sign.example.com',
    })
  }
  const witnesses = await readNamedWitnesses(flags.witnessKey ?? [])
  const get = createChosenGet(readProxies(context.env))
  const { signal } = context
  const url = publicationUrl(service)
  const { body } = await get({ url, maxBytes: MAX_PUBLICATION_BYTES, signal })
  const trustKey = findTrustKey(body)
  await assertWanted(trustKey, flags, environment)
  const { times } = parseKeyHistory(body, trustKey)
  assertPublicationCurrent(times, { now: context.now(), source: 'online', place: url.href })
  const pin: TrustPin = { service, trustKey, witnesses }
  const document = openTrust(pin, context, 'ignored')
  await writePin(pin, context)
  await document.refresh()
  return toTrustOutcome(pin, await document.held(), environment)
}

async function assertWanted(
  trustKey: PublicKeyInfo,
  { fingerprint }: InitTrustFlags,
  { terminal }: CommandEnvironment,
): Promise<void> {
  if (fingerprint !== undefined) {
    assertFingerprint(trustKey, fingerprint)
    return
  }
  const found = fingerprintOf(trustKey)
  const answer = await terminal.askSecret(
    `The trust key of the service is\n  ${found}\nCompare it with what its operator tells you. Type yes to trust it: `,
  )
  if (answer === undefined) {
    throw new CountersignError(
      'ERR_USAGE',
      'no fingerprint given, and no terminal to confirm one',
      {
        hint: 'ask the operator of the service for it, and give it with --fingerprint sha256:…',
        details: { fingerprint: found },
      },
    )
  }
  if (answer.trim().toLowerCase() === 'yes') return
  throw new CountersignError('ERR_KEY_NOT_TRUSTED', `the trust key ${found} was not confirmed`)
}
