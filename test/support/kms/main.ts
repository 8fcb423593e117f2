/**
 * Runs a KMS double as a process of its own: `node test/support/kms/main.ts [OPTIONS]`, where
 * OPTIONS is a JSON document with `quotas`, `latencyMs`, `aliasLagMs`, `keyLagMs`. Prints one line
 * of JSON (url, endpoint, region, environment) and runs until SIGTERM or SIGINT. `GET url/calls`
 * answers the number of requests by operation.
 */
import { startKmsDouble } from './double.ts'
import { kmsEnvironment } from './environment.ts'
import { KMS_DOUBLE_REGION, type KmsDoubleOptions } from './service.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as KmsDoubleOptions
const double = await startKmsDouble(options)
const { url, endpoint, credentials } = double
const environment = kmsEnvironment(credentials)
process.stdout.write(
  `${JSON.stringify({ url, endpoint, region: KMS_DOUBLE_REGION, environment })}\n`,
)
process.once('SIGTERM', () => void double.close())
process.once('SIGINT', () => void double.close())
