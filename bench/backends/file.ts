import { type BenchAlgorithm, makeKey } from '../bundles.ts'
import { type BenchBackend, signWithNode } from './backend.ts'

/** A private key in this process; raw is node:crypto. */
export function openFileKey(algorithm: BenchAlgorithm): BenchBackend {
  const { privateKey, signer } = makeKey(algorithm)
  return {
    provider: 'file',
    algorithm,
    signer,
    signRaw: (message) => signWithNode(message, privateKey),
    width: 4,
  }
}
