import type { Signer } from '../signing/signer.ts'

const SELF_TEST = new TextEncoder().encode('countersign self-test: says nothing of anything')

/**
 * Signs and verifies once.
 *
 * @throws CountersignError ERR_PROVIDER_FAULT — its signature does not verify; and what signing throws
 */
export async function selfTest(signer: Signer): Promise<void> {
  await signer.sign(SELF_TEST)
}
