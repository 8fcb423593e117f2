/** The login of the Azure command line, which azure/login makes in GitHub Actions and `az login` on a desk. */
import { execFile } from 'node:child_process'
import { CountersignError } from '../../errors.ts'
import { type ObjectReader, parseJson, readObject } from '../../formats/json.ts'
import type { Surroundings } from '../surroundings.ts'
import { azureVariable } from './endpoint.ts'

const TIMEOUT_MS = 20_000
const MAX_OUTPUT_BYTES = 64 * 1024

interface Outcome {
  /** Exit status, or a code such as `ENOENT`. */
  readonly status: number | string
  readonly stdout: string
}

/**
 * Asks `az` for a token; undefined: it is not installed.
 *
 * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED — it is not logged in, or answers with no token
 */
export async function readCliToken(
  env: Surroundings['env'],
  audience: string,
): Promise<ObjectReader | undefined> {
  const tenant = azureVariable(env, 'AZURE_TENANT_ID')
  const args = ['account', 'get-access-token', '--output', 'json', '--resource', audience]
  const { status, stdout } = await runAz(env, [
    ...args,
    ...(tenant === undefined ? [] : [`--tenant=${tenant}`]),
  ])
  if (status === 'ENOENT') return undefined
  if (status !== 0) throw refused('it gives no token')
  return readToken(stdout)
}

function runAz(env: Surroundings['env'], args: readonly string[]): Promise<Outcome> {
  const options = { env: { ...env }, timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES }
  return new Promise((resolve) => {
    // What it writes to stderr may quote the login, so it is dropped.
    execFile('az', args, options, (error, stdout) => {
      resolve({ status: error === null ? 0 : (error.code ?? 'SIGTERM'), stdout })
    })
  })
}

function readToken(stdout: string): ObjectReader {
  try {
    return readObject(parseJson(stdout), refused, 'its answer')
  } catch {
    // The parser's error is dropped: nothing that may quote a token is kept as a cause.
    throw refused('its answer is not JSON')
  }
}

function refused(why: string): CountersignError {
  return new CountersignError(
    'ERR_NOT_AUTHENTICATED',
    `cannot use the login of the Azure command line: ${why}`,
    {
      hint: 'log in: az login',
      details: { provider: 'azurekms' },
    },
  )
}
