/**
 * What to type where an error of the rooms below says only what is wrong: they know neither options nor
 * commands.
 *
 * @packageDocumentation
 */
import { type HintTable, withHint, withHints } from '../../src/artifacts/hint-table.ts'
import type { VerifiedArtifact } from '../../src/artifacts/verified-artifact.ts'
import type { CountersignError, ErrorReason } from '../../src/errors.ts'
import { toArtifactDocument } from '../../src/verification/result.ts'

const PIN_AGAIN = 'countersign trust init URL --fingerprint …'
const NOT_GIVEN_OUT = 'the token was not given out'

/** By the reason of an error: the command line has options and commands for each. */
const HINTS: HintTable & Readonly<Record<ErrorReason, unknown>> = {
  'address-not-taken': 'choose another address: serve.listen in countersign.yaml, or --listen',
  'approvals-missing': ({ approvalId: id = 'ID', requestSha256 = 'SHA256' }) =>
    `have other operators review and approve it (countersign key approve ${id} --request ${requestSha256}), then send the same request again`,
  'bundle-exists': '--overwrite replaces it, and sign --append adds to it',
  'bundle-place-shared': 'give --bundle a folder (FOLDER/), and name every artifact once',
  'bundle-place-unknown': 'give --bundle FILE',
  'bundle-unknown': 'give its bundle with --bundle FILE',
  'certificate-untrusted': 'name the certificate authority of the registry with --ca FILE',
  'checkpoint-missing':
    'give the --trusted-root of the log, and a bundle with the proof of its entry',
  'identity-not-expected':
    'give --certificate-identity and --certificate-oidc-issuer of the signer you expect',
  'image-bundle-place-unknown': 'give --bundle FILE, or leave out --no-upload',
  'key-exists': 'list the keys: countersign key list',
  'key-file-missing': ({ path = 'PATH' }) =>
    `check the path, or create the key: countersign key create file:${path}`,
  'key-of-other-store':
    'if it is a version that a lost store knew, import it: countersign key import; else move it away',
  'key-rules-differ': ({ key = 'KEY' }) =>
    `give keys.${key} of all replicas the same rules; where those of this one are to count, start it with --accept-key-rules REASON`,
  'key-still-signing': 'see who signs with it: countersign log show',
  'log-damaged':
    'the database was changed by hand: find out where with countersign log verify, and restore the database from a backup',
  'log-entry-unproven': 'give the --trusted-root of the log, or a bundle with a log entry',
  'log-not-trusted':
    'give the --trusted-root of the log, or pin the service: countersign trust init URL',
  'log-object-damaged':
    'restore it from an export of the log (countersign log export) or an earlier version in the bucket, or set log.tiles to where it is',
  'log-proof-malformed': 'write it again: countersign log proof FILE',
  'log-proof-missing':
    'signatures of this form carry no log entry: write a proof with countersign log proof FILE, and give it with --log-proof',
  'no-active-version': ({ key = 'KEY' }) => `activate one: countersign key show ${key}`,
  'no-active-version-published':
    'see what the service publishes: countersign trust show; digest keys are exported by name alone, as pem or jwks',
  'no-digest-signer':
    'sign it with an ES256 or RS256 key, or attest it instead (countersign attest)',
  'no-referrers-api': 'use --referrers-mode=auto, or tag',
  'no-such-key': 'list the keys: countersign key list',
  'no-such-version': ({ key = 'KEY' }) => `list its versions: countersign key show ${key}`,
  'nothing-signed':
    'no bundle or attached signature was found; give --bundle FILE, or sign it first: countersign sign',
  'older-layout-without-place': 'use --format=bundle',
  'older-signature-unlogged':
    'verify a bundle of the image instead, or give a proof with --log-proof; if you rely on the older layout all the same, give --require-log 0',
  'other-key-named': 'the bundle names another key: check that --key or --trust is the signer’s',
  'passphrase-missing':
    'give its passphrase in COUNTERSIGN_PASSPHRASE, with --passphrase-file FILE, or at the prompt of a terminal',
  'policy-mistake': 'list every mistake: countersign policy check',
  'predicate-type-not-accepted': ({ actual = 'TYPE' }) => `to accept it, give --type ${actual}`,
  'referrer-not-listed': 'try again later, or use --referrers-mode=tag',
  'referrers-tag-refused':
    'if its tags are immutable, exempt "sha256-*", or use --referrers-mode=api (or none)',
  'registry-without-tls': 'if the registry speaks plain http, give --plain-http',
  'saved-trust-expired':
    "check this machine's clock; if it is right, fetch a new copy while connected: countersign trust update, or /trust/keys.json of the service",
  'schema-behind': 'bring it up to date once with: countersign serve --migrate',
  'several-config-mistakes': ({ file }) =>
    `list all of them: countersign config check${file === undefined ? '' : ` ${file}`}`,
  'signature-by-other-key':
    'nothing was released; check that the key reference still points to the same key (countersign doctor KEY)',
  'signature-unlogged':
    'it may have been signed without the service; if you rely on it all the same, give --require-log 0',
  'signing-time-unknown':
    'sign the artifact again with the active version, or give a bundle with a time stamp and the --trusted-root of its authority',
  'time-stamp-unproven':
    'give the --trusted-root of the time-stamp authority, or a bundle with a time stamp',
  'token-claim-added': ({ claim = 'CLAIM' }) =>
    `${NOT_GIVEN_OUT}; if the rules of the key set "${claim}", allow it with --added-claim ${claim}`,
  'token-issuer-differs': `${NOT_GIVEN_OUT}; if the service issues under another name, give it with --issuer`,
  'token-type-differs': `${NOT_GIVEN_OUT}; if the key issues tokens of another type, give it with --type`,
  'too-few-signers':
    'get the missing signatures, or lower --threshold or --type if they are not needed',
  'too-many-attached': ({ count = 'COUNT' }) => `to read them all, give --max-attached ${count}`,
  'too-much-attached': 'remove what does not belong there: countersign discover lists it',
  'trust-key-changed-often': `pin the trust key again: ${PIN_AGAIN}`,
  'trust-key-not-pinned': `if the trust key was rotated while this machine was not connected, ask the operator for its fingerprint and pin it again: ${PIN_AGAIN}`,
  'trusted-key-missing': 'give --key or --trust',
  'trusted-root-missing': 'give --trusted-root FILE',
  'type-of-signatures': 'sign the artifact instead: countersign sign',
  'version-not-as-logged':
    'the row was changed by hand: find out by whom, and restore it as the log states it (countersign log show --type state); until then it is not published and does not sign',
  'version-not-named': ({ key = 'KEY' }) =>
    `name the version; list them: countersign key show ${key}`,
}

/** The error of whatever was thrown, with what to type where that is known. */
export function withTypedHint(thrown: unknown): CountersignError {
  return withHint(thrown, HINTS)
}

/** A verdict whose errors say what to type. */
export function withTypedVerdict(verified: VerifiedArtifact): VerifiedArtifact {
  const { document, pinned } = verified
  const verdict = withHints(verified.verdict, HINTS)
  const typed = { ...document, ...toArtifactDocument(document.name, document.digest, verdict) }
  if (verdict.ok) return { document: typed, pinned, verdict }
  return { document: typed, pinned, verdict, error: verdict.error }
}
