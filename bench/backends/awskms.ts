import { KMS } from '@aws-sdk/client-kms'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { createAwsKmsProvider } from '../../src/providers/awskms/provider.ts'
import { FOREIGN_AWS_VARIABLES } from '../../test/support/kms/environment.ts'
import type { BenchAlgorithm } from '../bundles.ts'
import type { BenchBackend } from './backend.ts'

const DOUBLE = resolve(import.meta.dirname, '../../test/support/kms/main.ts')

/** A KMS double in a process of its own. */
export interface RemoteKms extends AsyncDisposable {
  readonly openKey: (algorithm: BenchAlgorithm) => Promise<BenchBackend>
  /** Requests so far, by operation. */
  readonly calls: () => Promise<Readonly<Record<string, number>>>
}

interface Announcement {
  readonly url: string
  readonly endpoint: string
  readonly region: string
  readonly environment: Readonly<Record<string, string>>
}

/** Starts the double and shows this process's AWS SDK nothing else. Raw is the SDK alone. */
export async function startRemoteKms(): Promise<RemoteKms> {
  const child = spawn(process.execPath, [DOUBLE], { stdio: ['ignore', 'pipe', 'inherit'] })
  const line = await once(createInterface(child.stdout), 'line')
  const { url, endpoint, region, environment } = JSON.parse(String(line[0])) as Announcement
  for (const name of FOREIGN_AWS_VARIABLES) Reflect.deleteProperty(process.env, name)
  Object.assign(process.env, environment)

  const provider = createAwsKmsProvider()
  const kms = new KMS({ endpoint: url, region })
  let keys = 0
  return {
    openKey: async (algorithm) => {
      keys += 1
      const keyId = `alias/bench-${keys}`
      const uri = { scheme: 'awskms', endpoint, keyId } as const
      await provider.create({ uri, algorithm, rsaBits: 2048 })
      const signer = await provider.open(uri, { algorithm })
      return {
        provider: 'awskms (double)',
        algorithm,
        signer,
        signRaw: async (message) => {
          const { Signature } = await kms.sign({
            KeyId: keyId,
            Message: createHash('sha256').update(message).digest(),
            MessageType: 'DIGEST',
            SigningAlgorithm: algorithm === 'ES256' ? 'ECDSA_SHA_256' : 'RSASSA_PKCS1_V1_5_SHA_256',
          })
          return Signature ?? new Uint8Array()
        },
        width: 16,
      }
    },
    calls: async () => {
      const response = await fetch(new URL('calls', url))
      return (await response.json()) as Record<string, number>
    },
    [Symbol.asyncDispose]: async () => {
      await provider[Symbol.asyncDispose]()
      kms.destroy()
      const exit = once(child, 'exit')
      child.kill()
      await exit
    },
  }
}
