/** Shows the AWS SDK of this test process nothing but a double's credentials. */
import { vi } from 'vitest'
import type { KmsCredentials } from './authenticate.ts'
import { FOREIGN_AWS_VARIABLES, kmsEnvironment } from './environment.ts'

/** Stubs the environment until `vi.unstubAllEnvs`; without credentials, the SDK finds none. */
export function stubKmsEnvironment(credentials: KmsCredentials | undefined): void {
  for (const name of FOREIGN_AWS_VARIABLES) vi.stubEnv(name, undefined)
  for (const [name, value] of Object.entries(kmsEnvironment(credentials))) vi.stubEnv(name, value)
}
