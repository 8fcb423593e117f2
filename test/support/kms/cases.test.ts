import { afterAll, beforeAll, test } from 'vitest'
import { KMS_CASES } from './cases.ts'
import { startWithSdk } from './sdk.ts'

const stack = new AsyncDisposableStack()
let subject: Awaited<ReturnType<typeof startWithSdk>>

beforeAll(async () => {
  subject = await startWithSdk(stack)
})
afterAll(() => stack.disposeAsync())

test.each(KMS_CASES)('the KMS double: $name', async ({ run }) => {
  await run(subject.kms)
})
