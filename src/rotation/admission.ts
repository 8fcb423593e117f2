/** Which entries the log takes: those of signatures whose key version may sign at that very moment. */
import { CountersignError } from '../errors.ts'
import { signable } from '../keys/deadlines.ts'
import type { Key, KeyVersion } from '../keys/key.ts'
import type { Admit } from '../log/appender.ts'
import type { EntryKey, LogEntry } from '../log/entry.ts'
import type { StoreTransaction } from '../store/store.ts'

/**
 * Makes the admission of a log: it reads the versions that made the signatures in the transaction that
 * appends their entries, so a version that is revoked on any replica gets no entry after its revocation,
 * and what it signed meanwhile is not released. Entries of anything but signatures are all admitted.
 */
export function createAdmission(now: () => Date): Admit<Pick<StoreTransaction, 'keys'>> {
  return async ({ keys: records }, entries) => {
    const signers = entries.map(signerOf)
    const kids = [...new Set(signers.flatMap((signer) => signer?.kid ?? []))]
    if (kids.length === 0) return entries.map(() => undefined)
    const versions = await records.versionsOf(kids)
    const keys = await records.keys()
    const time = now()
    return signers.map((signer) => signer && judge(signer, { versions, keys, time }))
  }
}

/** The version whose signature an entry lets out; undefined where it lets out none. */
function signerOf(entry: LogEntry): EntryKey | undefined {
  switch (entry.type) {
    case 'signature':
    case 'attestation':
    case 'token':
    case 'timestamp':
      return entry.key
    case 'state':
    case 'denial':
    case 'approval':
      return undefined
  }
}

function judge(
  signer: EntryKey,
  known: {
    readonly versions: readonly KeyVersion[]
    readonly keys: readonly Key[]
    readonly time: Date
  },
): CountersignError | undefined {
  const version = known.versions.find(({ publicKey }) => publicKey.kid === signer.kid)
  const key = known.keys.find(({ name }) => name === signer.name)
  const isKnown = version?.key === signer.name && version.version === signer.version
  if (key !== undefined && isKnown) return signable(version, key.policy, known.time)
  const message = `${signer.name}@${signer.version} is not known to this service`
  return new CountersignError('ERR_KEY_NOT_USABLE', message, {
    hint: 'nothing was released',
    details: { key: signer.name, version: signer.version, kid: signer.kid },
  })
}
