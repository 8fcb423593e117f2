import { type BenchAlgorithm, type BenchRsaBits, makeKey } from '../bundles.ts'
import { type BenchBackend, signWithNode } from './backend.ts'

/** A private key in this process; raw is node:crypto. */
export function openFileKey(algorithm: BenchAlgorithm, rsaBits?: BenchRsaBits): BenchBackend {
  const { privateKey, signer } = makeKey(algorithm, rsaBits)
  return {
    provider: 'file',
    algorithm,
    signer,
    signRaw: (message) => signWithNode(message, privateKey),
    width: 4,
  }
}
