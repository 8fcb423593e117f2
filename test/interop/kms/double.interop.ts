/**
 * Holds the project's double of AWS KMS to an emulator written by people who never saw it: the same
 * requests, the same answers, but for differences that are listed here with their reason.
 */
import { KMS } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LOCALSTACK } from '../../../tools/interop/peers.ts'
import { type KmsDouble, startKmsDouble } from '../../support/kms/double.ts'
import { KMS_DOUBLE_REGION } from '../../support/kms/service.ts'
import { describeWith } from '../support/needs.ts'
import type { RunningServer } from '../support/program.ts'
import { startLocalstack } from '../support/servers.ts'
import { KMS_CASES } from './cases.ts'

/** Where the two answer differently, and why the double's answer stands. */
const DIFFERENCES: Readonly<Record<string, { double: string; emulator: string; why: string }>> = {
  'a digest of the wrong length is refused': {
    double: 'ValidationException 400: Digest is invalid length for algorithm ECDSA_SHA_256.',
    emulator:
      "ValidationException 400: The provided data must be the same length as the hash algorithm's digest size.",
    why: 'the emulator passes on the text of a library',
  },
  'an algorithm that does not fit the key is refused': {
    double:
      'InvalidKeyUsageException 400: Algorithm RSASSA_PSS_SHA_256 is incompatible with key spec ECC_NIST_P256.',
    emulator:
      'InternalError 500: exception while calling kms.Sign: ECPrivateKey.sign() takes 2 positional arguments but 3 were given',
    why: 'the emulator breaks',
  },
  'an alias that was never created names no key': {
    double:
      'NotFoundException 400: Alias arn:aws:kms:eu-west-1:ACCOUNT:alias/never-created is not found.',
    emulator: 'NotFoundException 400: Unable to find KMS alias with name alias/never-created',
    why: 'KMS names the alias by its ARN',
  },
  'a deleted alias names nothing': {
    double:
      'NotFoundException 400: Alias arn:aws:kms:eu-west-1:ACCOUNT:alias/deleted is not found.',
    emulator: 'NotFoundException 400: Unable to find KMS alias with name alias/deleted',
    why: 'KMS names the alias by its ARN',
  },
  'a dry run signs nothing': {
    double:
      'DryRunOperationException 400: The request would have succeeded, but the DryRun option is set.',
    emulator: 'no failure',
    why: 'the emulator knows no dry run of Sign',
  },
  'a symmetric key shows no public key': {
    double:
      'UnsupportedOperationException 400: arn:aws:kms:eu-west-1:ACCOUNT:key/ID key spec is SYMMETRIC_DEFAULT which is not valid for GetPublicKey.',
    emulator: 'no failure',
    why: 'the emulator answers with no key',
  },
}

describeWith('the KMS double and localstack', [LOCALSTACK], () => {
  let double: KmsDouble
  let emulator: RunningServer
  let clients: { readonly double: KMS; readonly emulator: KMS }

  beforeAll(async () => {
    double = await startKmsDouble()
    emulator = await startLocalstack()
    const options = { region: KMS_DOUBLE_REGION, credentials: double.credentials, maxAttempts: 1 }
    clients = {
      double: new KMS({ ...options, endpoint: double.url }),
      emulator: new KMS({ ...options, endpoint: `http://${emulator.host}` }),
    }
  })

  afterAll(async () => {
    clients.double.destroy()
    clients.emulator.destroy()
    await double.close()
    await emulator.stop()
  })

  test.each(KMS_CASES)('agree: $title', async ({ title, ask }) => {
    const answers = { double: await ask(clients.double), emulator: await ask(clients.emulator) }

    const known = DIFFERENCES[title]
    if (known === undefined) expect(answers.double).toEqual(answers.emulator)
    else expect({ ...answers, why: known.why }).toEqual(known)
  })
})
