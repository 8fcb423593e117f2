import { sign } from 'node:crypto'
import type { Signer } from '../../src/signing/signer.ts'
import type { BenchAlgorithm } from '../bundles.ts'

/** One key of one backend, through our Signer and without it. */
export interface BenchBackend {
  readonly provider: string
  readonly algorithm: BenchAlgorithm
  readonly signer: Signer
  /** The backend's own way to sign a message, with nothing of ours. */
  readonly signRaw: (message: Uint8Array) => Promise<Uint8Array>
  /** How many signatures are under way at once in the second measurement. */
  readonly width: number
}

/** What node needs to sign on its thread pool. */
export type SigningKey = Parameters<typeof sign>[2]

/** Signs on node's thread pool. */
export function signWithNode(message: Uint8Array, key: SigningKey): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    sign('sha256', message, key, (error, signature) => {
      if (error === null) resolve(signature)
      else reject(error)
    })
  })
}
