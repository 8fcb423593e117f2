/** The keys of a log: those that are named, or those of the service that this user has pinned. */
import { parsePublicKeySpki } from '../../src/crypto/public-key.ts'
import { CountersignError } from '../../src/errors.ts'
import { logNameAt } from '../../src/formats/log-address.ts'
import { logVerifierKey, type NoteKey } from '../../src/formats/note-key.ts'
import { parseTrustedRoot } from '../../src/verification/trusted-root.ts'
import type { KeyHistory } from '../../src/keys/key-history.ts'
import type { Context } from '../context.ts'
import { readLogKey } from './source.ts'
import { parseServer } from '../service/client.ts'
import { isPinned, openTrust, readPin } from '../trust/home.ts'

/** Options that name keys of a log. */
export interface LogKeyFlags {
  readonly key?: readonly string[] | undefined
  readonly origin?: string | undefined
  readonly server?: string | undefined
  readonly isAudit?: boolean
  /** Option that names the keys; default `--key`. */
  readonly option?: '--key' | '--log-key'
}

/**
 * Reads the keys by which a log is known.
 *
 * @throws {@link CountersignError} ERR_USAGE — none is named, and no service is pinned, or another one;
 * ERR_NOTE_INVALID, ERR_FILE_READ — a malformed key; and the errors of reading pinned trust
 */
export async function readLogKeys(
  flags: LogKeyFlags,
  context: Context,
): Promise<readonly NoteKey[]> {
  const { key = [], origin, server, option = '--key' } = flags
  if (key.length > 0) return Promise.all(key.map(readLogKey))
  const pin = await readPin(context)
  if (pin === undefined || (server !== undefined && !isPinned(pin, parseServer(server)))) {
    const log = flags.isAudit === true ? 'audit log' : 'transparency log'
    throw new CountersignError('ERR_USAGE', `no key of the ${log} given`, {
      hint: `pin the service (countersign trust init URL), or name the log’s verifier key with ${option} NAME+ID+KEY or ${option} FILE, as its owner publishes it`,
    })
  }
  const { history } = await openTrust(pin, context).current()
  return flags.isAudit === true
    ? publishedAuditKeys(history, origin)
    : publishedLogKeys(history, origin)
}

/**
 * The keys of a service's transparency log, those of earlier versions too: what they signed is still read.
 *
 * @param origin - name of the log, where it is another one than is published
 */
export async function publishedLogKeys(
  { trustedRoot }: Pick<KeyHistory, 'trustedRoot'>,
  origin?: string,
): Promise<readonly NoteKey[]> {
  if (trustedRoot === undefined) return []
  const root = await parseTrustedRoot(Buffer.from(JSON.stringify(trustedRoot)))
  return root.tlogs.flatMap(({ baseUrl, publicKey }) => {
    const spki = publicKey?.rawBytes
    const name = origin ?? logNameAt(baseUrl)
    if (spki === undefined || name === undefined) return []
    return [logVerifierKey(name, parsePublicKeySpki(spki, 'EdDSA'))]
  })
}

/** As {@link publishedLogKeys}, of the audit log. */
export function publishedAuditKeys(
  { auditLog }: Pick<KeyHistory, 'auditLog'>,
  origin?: string,
): readonly NoteKey[] {
  if (auditLog === undefined) return []
  return auditLog.keys
    .filter(({ algorithm }) => algorithm.family === 'ed25519')
    .map((key) => logVerifierKey(origin ?? auditLog.origin, key))
}
