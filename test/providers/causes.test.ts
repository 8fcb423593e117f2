import { expect, test } from 'vitest'
import { ERROR_TRAITS } from '../../src/errors.ts'
import { KMS_CAUSES } from '../../src/providers/awskms/causes/table.ts'
import { PKCS11_CAUSES } from '../../src/providers/pkcs11/causes/table.ts'
import { GCP_CAUSES } from '../../src/providers/gcpkms/causes/table.ts'
import { AZURE_CAUSES } from '../../src/providers/azurekms/causes/table.ts'
import { BAO_CAUSES } from '../../src/providers/openbao/causes/table.ts'
import { readProjectFile } from '../support/project.ts'

/** Where each cause of a provider is staged. */
const TABLES = [
  [
    'AWS KMS',
    KMS_CAUSES,
    [
      'test/support/causes/kms-answers.ts',
      'test/cli/doctor/kms.test.ts',
      'test/cli/doctor/network.test.ts',
    ],
  ],
  [
    'PKCS#11',
    PKCS11_CAUSES,
    [
      'test/cli/doctor/pkcs11.test.ts',
      'test/providers/pkcs11/native/always-authenticate.test.ts',
      'test/providers/pkcs11/native/certificate.test.ts',
      'test/providers/pkcs11/native/login.test.ts',
      'test/providers/pkcs11/native/native-caller.test.ts',
    ],
  ],
  [
    'Azure Key Vault',
    AZURE_CAUSES,
    ['test/providers/azurekms/provider.test.ts', 'test/security/vault-impostors.test.ts'],
  ],
  ['Google Cloud KMS', GCP_CAUSES, ['test/providers/gcpkms/provider.test.ts']],
  [
    'OpenBao and Vault',
    BAO_CAUSES,
    [
      'test/providers/openbao/faults.test.ts',
      'test/providers/openbao/login.test.ts',
      'test/providers/openbao/versions.test.ts',
    ],
  ],
] as const

test.each(TABLES)('each cause of %s has one name, a code, and words for people', (_, causes) => {
  const ids = causes.map(({ id }) => id)

  expect(ids).toEqual([...new Set(ids)])
  for (const { id, layer, summary, code, source } of causes) {
    expect(id).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/)
    expect(Object.keys(ERROR_TRAITS)).toContain(code)
    for (const text of [layer, summary, source]) expect(text, id).toMatch(/^\S.+[^.]$|^[A-Z]+$/)
  }
})

test.each(TABLES)('each cause of %s is staged in a test', (_, causes, paths) => {
  const staged = paths.map((path) => readProjectFile(path)).join('\n')

  expect(causes.map(({ id }) => id).filter((id) => !staged.includes(`'${id}'`))).toEqual([])
})
