import { pastedEnd } from '../../cli/render/wrap.ts'
import type { Cause } from '../../src/providers/cause.ts'
import type { KmsCall } from '../../src/providers/awskms/call.ts'
import { KMS_CAUSES } from '../../src/providers/awskms/causes/table.ts'
import type { TokenFacts } from '../../src/providers/pkcs11/causes/cause.ts'
import { PKCS11_CAUSES } from '../../src/providers/pkcs11/causes/table.ts'
import type { AzureCall } from '../../src/providers/azurekms/causes/commands.ts'
import { AZURE_CAUSES } from '../../src/providers/azurekms/causes/table.ts'
import type { GcpCall } from '../../src/providers/gcpkms/causes/commands.ts'
import { GCP_CAUSES } from '../../src/providers/gcpkms/causes/table.ts'
import type { BaoCall } from '../../src/providers/openbao/causes/cause.ts'
import { BAO_CAUSES } from '../../src/providers/openbao/causes/table.ts'
import type { GeneratedFile } from './generated-file.ts'

/** docs/doctor.md: prose by people, and the causes that each provider has a table of. */
export const causesPage: GeneratedFile = { path: 'docs/doctor.md', render: renderCausesPage }

const CALL: KmsCall = {
  operation: 'Sign',
  keyId: 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  region: 'eu-west-1',
  profile: 'prod',
  proxy: 'http://proxy.example.com:3128',
  signing: { algorithm: 'ECDSA_SHA_256', messageType: 'DIGEST' },
}

const FACTS: TokenFacts = {
  modulePath: '/usr/lib/vendor/module.so',
  token: 'prod',
  hint: 'the hint lists what is there',
  returnValue: '0x80000123',
}

const BAO_CALL: BaoCall = {
  method: 'POST',
  path: 'transit/sign/release',
  mount: 'transit',
  key: 'release',
  version: 1,
}

const GCP_CALL: GcpCall = {
  operation: 'asymmetricSign',
  name: 'projects/acme/locations/europe-west3/keyRings/release/cryptoKeys/app/cryptoKeyVersions/1',
}

const AZURE_CALL: AzureCall = {
  operation: 'sign',
  vault: 'acme.vault.azure.net',
  key: 'release',
  version: 'b1089bbf068742d483970282f02090de',
}

const SECTIONS: Readonly<Record<string, string>> = {
  '## AWS KMS': renderCauses(KMS_CAUSES, CALL),
  '## PKCS#11': renderCauses(PKCS11_CAUSES, FACTS),
  '## Google Cloud KMS': renderCauses(GCP_CAUSES, GCP_CALL),
  '## Azure Key Vault': renderCauses(AZURE_CAUSES, AZURE_CALL),
  '## OpenBao and Vault': renderCauses(BAO_CAUSES, BAO_CALL),
}

/** Rewrites what follows the headings of the sections, up to the next heading of their level. */
function renderCausesPage(current: string): string {
  return current
    .split(/^(?=## )/m)
    .map((section) => {
      const [heading = ''] = section.split('\n')
      const causes = SECTIONS[heading]
      return causes === undefined ? section : `${heading}\n\n${causes}\n`
    })
    .join('')
}

function renderCauses<Facts>(causes: readonly Cause<Facts>[], facts: Facts): string {
  const layers = Map.groupBy(causes, ({ layer }) => layer)
  return [...layers]
    .map(
      ([layer, rows]) =>
        `### ${layer}\n\n${rows.map((row) => renderCause(row, facts)).join('\n')}\n`,
    )
    .join('\n')
}

function renderCause<Facts>(
  { id, code, summary, cure, source }: Cause<Facts>,
  facts: Facts,
): string {
  const documented = source.startsWith('https://')
    ? `[${source.includes('github.com') ? 'reported' : 'documented'}](${source})`
    : source
  return `- **\`${id}\`** (\`${code}\`): ${summary}. ${renderCure(cure(facts))} (${documented})`
}

/** What a cure ends with is typed or pasted. */
function renderCure(cure: string): string {
  const pasted = pastedEnd(cure)
  const sentence = cure.slice(0, cure.length - pasted.length)
  const text = `${sentence.slice(0, 1).toUpperCase()}${sentence.slice(1)}`
  return pasted === '' ? `${text}.` : `${text}\`${pasted}\``
}
