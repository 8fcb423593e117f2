import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createStepLog } from '../../action/runner.ts'
import { readStepTrust, type StepTrust } from '../../action/trust.ts'
import { codeOfAsync } from '../support/errors.ts'
import { strangePublicKey } from '../support/runner/kms-scene.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { createTestRuntime } from '../support/test-runtime.ts'

const FINGERPRINT = `sha256:${'0'.repeat(64)}`

/** Reads what a workflow trusts, with a file `trusted` of this text in its checkout. */
function read(
  trust: string,
  { fingerprint, file = '' }: { readonly fingerprint?: string; readonly file?: string } = {},
): Promise<StepTrust | undefined> {
  const folder = createTempFolder()
  writeFileSync(join(folder, 'trusted'), file)
  const { signal } = new AbortController()
  const context = {
    env: { GITHUB_WORKSPACE: folder },
    runtime: createTestRuntime(),
    now: () => new Date(0),
    log: createStepLog(() => undefined),
    signal,
    halt: signal,
  }
  return readStepTrust({ trust, fingerprint }, context)
}

test('a public key is trusted, whatever else there is', async () => {
  const trust = await read('trusted', { file: strangePublicKey() })

  expect(trust?.material.keys).toMatchObject([{ state: 'pinned' }])
})

test.each([
  ['a malformed URL', 'https://', {}, 'ERR_USAGE'],
  ['an address in the clear', 'http://sign.example.com', {}, 'ERR_USAGE'],
  ['no such file', 'nowhere', {}, 'ERR_FILE_READ'],
  ['a file that is empty', 'trusted', {}, 'ERR_JSON_INVALID'],
  ['a malformed key', 'trusted', { file: '-----BEGIN PUBLIC KEY-----' }, 'ERR_KEY_INVALID'],
  [
    'a fingerprint of a public key',
    'trusted',
    { file: strangePublicKey(), fingerprint: FINGERPRINT },
    'ERR_USAGE',
  ],
  [
    'a fingerprint of an unsigned trust root',
    'trusted',
    { file: '{"keys":[]}', fingerprint: FINGERPRINT },
    'ERR_TRUST_INVALID',
  ],
])('%s is refused', async (_what, trust, options, code) => {
  expect(await codeOfAsync(() => read(trust, options))).toBe(code)
})
