/**
 * Examples that help shows, by the words of their command. Every one works when it is typed: a test runs those
 * that need nothing but files, and parses the others.
 *
 * @packageDocumentation
 */
import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { SIGNING_PROVIDERS } from '../src/providers/key-uri.ts'

const SERVER = '--server https://sign.example.com'
const IMAGE = 'oci://ghcr.io/acme/app:1.4'

const BACKENDS = SIGNING_PROVIDERS.filter(({ custody }) => custody === 'backend')
/** A key in a backend that is reached from everywhere. */
const KMS = BACKENDS.find(({ isRemote }) => isRemote)?.examples[0] ?? 'release'

/** Command lines without `countersign`, by the command whose help shows them. */
export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  '': [
    'key create release.pem',
    'sign --key release.pem app.tgz',
    'verify --key release.pub app.tgz',
    'trust init https://sign.example.com',
  ],
  key: [
    'key create release.pem',
    'key export release.pem --format jwks --output jwks.json',
    `key rotate release ${SERVER} --dry-run`,
  ],
  'key create': [
    'key create release.pem',
    'key create sessions.pem --no-passphrase --algorithm RS256',
    ...BACKENDS.map(({ examples }) => `key create '${examples.at(-1) ?? ''}'`),
  ],
  'key show': ['key show release.pub', `key show release ${SERVER}`],
  'key export': [
    'key export release.pem',
    'key export release.pem --format jwks --output jwks.json',
    `key export ${KMS} --output release-kms.pub`,
  ],
  'key list': [`key list ${SERVER}`],
  'key rotate': [
    `key rotate release ${SERVER} --dry-run`,
    `key rotate release ${SERVER} --reason 'new HSM'`,
  ],
  'key activate': [`key activate release --key-version 4 ${SERVER}`],
  'key retire': [`key retire release --key-version 3 --confirm release ${SERVER}`],
  'key revoke': [
    `key revoke release --mode seamless --dry-run ${SERVER}`,
    `key revoke release --mode flush --compromised-since 2d --confirm release ${SERVER}`,
  ],
  'key destroy': [
    `key destroy release --key-version 1 --confirm release ${SERVER}`,
    `key destroy release --key-version 1 --cancel ${SERVER}`,
  ],
  'key import': [`key import release ${KMS} ${SERVER}`],
  'key relocate': [
    `key relocate release ${KMS} --key-version 3 --dry-run ${SERVER}`,
    `key relocate release ${KMS} --key-version 3 --reason 'new region' ${SERVER}`,
  ],
  'key import-parameters': [`key import-parameters ${KMS} --output parameters.json`],
  'key wrap': [
    `key wrap offline.pem --parameters parameters.json --wrapping-fingerprint sha256:${'4f'.repeat(32)} --output wrapped.json`,
  ],
  'key import-material': [
    `key import-material ${KMS} --parameters parameters.json --wrapped wrapped.json --fingerprint sha256:${'9c'.repeat(32)}`,
  ],
  'key approvals': [`key approvals ${SERVER}`],
  'key approve': [`key approve 7d3f ${SERVER} --request ${'4f'.repeat(32)}`],
  sign: [
    'sign --key release.pem app.tgz',
    `sign --key ${KMS} ${IMAGE}`,
    `sign --key release ${SERVER} --recursive ${IMAGE}`,
  ],
  attest: [
    'attest --key release.pem --type cyclonedx --predicate sbom.json app.tgz',
    `attest --key release ${SERVER} --provenance ${IMAGE}`,
  ],
  verify: [
    'verify --key release.pub app.tgz',
    'verify --key release.pub --type cyclonedx --checksums SHA256SUMS',
    `verify --repository acme/app ${IMAGE}`,
    'verify --certificate-identity dev@example.com --certificate-oidc-issuer https://accounts.google.com app.tgz',
  ],
  discover: ['discover app.tgz', `discover ${IMAGE}`],
  download: ['download app.tgz --output bundles.jsonl', `download ${IMAGE} --output bundles/`],
  token: [
    'token issue --key sessions.pem --issuer https://sign.example.com --audience api > token.jwt',
    'token verify --token-file token.jwt --key sessions.pub --issuer https://sign.example.com --audience api',
  ],
  'token issue': [
    'token issue --key sessions.pem --issuer https://sign.example.com --audience api > token.jwt',
    `token issue --key sessions --audience api --lifetime 5m ${SERVER}`,
  ],
  'token verify': [
    'token verify --token-file token.jwt --key sessions.pub --issuer https://sign.example.com --audience api',
    'token verify --token-file token.jwt --jwks https://sign.example.com/.well-known/jwks.json --issuer https://sign.example.com --audience api',
  ],
  'token inspect': ['token inspect --token-file token.jwt'],
  trust: ['trust init https://sign.example.com', 'trust show', 'trust export --output keys.pem'],
  'trust init': [
    'trust init https://sign.example.com',
    `trust init https://sign.example.com --fingerprint sha256:${'9c'.repeat(32)}`,
  ],
  'trust show': ['trust show'],
  'trust update': ['trust update'],
  'trust export': [
    'trust export release --output release.pub',
    'trust export --format kyverno --scope ghcr.io/acme/app --output policy.yaml',
  ],
  log: [`log show --type state ${SERVER}`, `log verify ${SERVER}`],
  'log show': [`log show --type state ${SERVER}`, 'log show saved-log --limit 10'],
  'log verify': [
    `log verify ${SERVER} --checkpoint kept.txt`,
    'log verify saved-log --key log-key.txt',
  ],
  'log export': [`log export saved-log ${SERVER}`],
  'log proof': [
    `log proof app.tgz.sigstore.json ${SERVER}`,
    `log proof app.tgz.sigstore.json --renew ${SERVER}`,
  ],
  'log witness': [
    'log witness --name witness.example.com/1 --key file:witness.pem --log log-key.txt --state /var/lib/witness',
  ],
  audit: [`audit show --from 7d --key release ${SERVER}`, `audit verify ${SERVER}`],
  'audit show': [
    `audit show --from 7d --key release ${SERVER}`,
    `audit show --bundle app.tgz.sigstore.json ${SERVER}`,
    'audit show saved-audit --type denial',
  ],
  'audit verify': [
    `audit verify ${SERVER} --checkpoint kept.txt`,
    'audit verify saved-audit --key audit-key.txt',
  ],
  'audit export': [`audit export saved-audit ${SERVER}`],
  config: ['config check', 'config show'],
  'config check': ['config check', 'config check countersign.yaml'],
  'config show': ['config show'],
  policy: ['policy check policies', 'policy test --claims claims.json --action sign --key release'],
  'policy check': ['policy check policies'],
  'policy test': ['policy test --claims claims.json --action sign --key release'],
  doctor: ['doctor', 'doctor release.pem', `doctor ${KMS} --registry oci://ghcr.io/acme/app`],
  serve: ['serve --config countersign.yaml', 'serve --migrate'],
  'conformance sign-bundle': [
    'conformance sign-bundle --identity-token "$TOKEN" --bundle b.json app.tgz',
  ],
  'conformance verify-bundle': [
    'conformance verify-bundle --bundle b.json --key release.pub app.tgz',
  ],
  completion: ['completion bash > countersign.bash', 'completion zsh > _countersign'],
}

/** The width at which help breaks an example. */
const COLUMNS = 80
const CONTINUED = ' \\\n      '

/** Adds its examples to the help of a command. */
export function addExamples(command: CommandUnknownOpts, words: string): void {
  const examples = EXAMPLES[words] ?? []
  if (examples.length === 0) return
  const lines = examples.map((example) => `  $ ${breakCommand(`countersign ${example}`)}`)
  command.addHelpText('after', ['', 'Examples:', ...lines].join('\n'))
}

/** A word, or an option with its value. */
const PART = /(?:--[\w-]+ )?(?:'[^']*'|"[^"]*"|[^\s'"])+/g

/** Breaks a command line before what does not fit, as a shell reads it on. */
function breakCommand(text: string): string {
  let width = 4
  let command = ''
  for (const part of text.match(PART) ?? []) {
    // Behind it there may be a backslash.
    const isFitting = command === '' || width + part.length + 2 < COLUMNS
    command += command === '' ? part : `${isFitting ? ' ' : CONTINUED}${part}`
    width = (isFitting ? width : CONTINUED.length) + part.length + 1
  }
  return command
}
