/**
 * Signing: our Signer beside the same backend with nothing of ours. Our Signer checks every signature
 * before it releases it, which alone costs as much as it costs; "net" takes that off.
 */
import { type KeyObject, verify } from 'node:crypto'
import { promisify } from 'node:util'
import { toX509Signature } from '../src/crypto/der.ts'
import { encodePae } from '../src/formats/dsse.ts'
import { ARTIFACT, type BenchAlgorithm } from './bundles.ts'
import { startRemoteKms } from './backends/awskms.ts'
import type { BenchBackend } from './backends/backend.ts'
import { openFileKey } from './backends/file.ts'
import { createBenchToken } from './backends/pkcs11.ts'
import { compareRates, inFlight, median, medianRatio, type Pace } from './rates.ts'
import { createGoal, type Goal, type Row, type Section } from './report.ts'

const ALGORITHMS: readonly BenchAlgorithm[] = ['ES256', 'RS256']
const MESSAGE = encodePae('application/vnd.in-toto+json', ARTIFACT.subarray(0, 300))

/** Signatures per second by provider and algorithm, and calls to KMS for each. */
export async function measureSigning(pace: Pace): Promise<Section> {
  await using resources = new AsyncDisposableStack()
  const token = resources.use(await createBenchToken())
  const kms = resources.use(await startRemoteKms())
  const rows: Row[] = []
  const goals: Goal[] = []
  for (const open of [openFileKey, token.openKey, kms.openKey]) {
    for (const algorithm of ALGORITHMS) {
      const backend = await open(algorithm)
      for (const width of [1, backend.width]) {
        const { row, net } = await measureBackend(backend, width, pace)
        rows.push(row)
        const what = `Signer, share of raw net of its check: ${backend.provider} ${algorithm}, ${width} at once`
        goals.push(createGoal(what, net, { atLeast: 0.8 }))
      }
    }
  }
  goals.push(createGoal('KMS calls per signature, warm', await countKmsCalls(kms), { atMost: 1 }))
  return { name: 'signing', title: 'Signing', rows, goals }
}

async function measureBackend(
  backend: BenchBackend,
  width: number,
  pace: Pace,
): Promise<{ row: Row; net: number }> {
  const { signer, signRaw } = backend
  const { key } = signer
  const signature = toX509Signature(key.algorithm, await signer.sign(MESSAGE))
  // The cheapest way: inline if no other request waits, else on the thread pool.
  const check = width === 1 ? checkAtOnce : checkOnPool
  const rates = await compareRates(
    {
      raw: inFlight(width, () => signRaw(MESSAGE)),
      checked: inFlight(width, async () => {
        await signRaw(MESSAGE)
        if (!(await check(key.keyObject, signature))) throw new Error('no signature')
      }),
      ours: inFlight(width, () => signer.sign(MESSAGE)),
    },
    pace,
  )
  // Seconds per signature; the check's own share is what it adds to the raw backend in the same round.
  const net = median(
    rates.ours.map((ours, round) => {
      const [raw = Number.NaN, checked = Number.NaN] = [rates.raw[round], rates.checked[round]]
      return 1 / raw / (1 / ours - (1 / checked - 1 / raw))
    }),
  )
  const row = {
    provider: backend.provider,
    algorithm: backend.algorithm,
    'at once': width,
    'raw/s': Math.round(median(rates.raw)),
    'raw and check/s': Math.round(median(rates.checked)),
    'Signer/s': Math.round(median(rates.ours)),
    'Signer / raw': medianRatio(rates.ours, rates.raw),
    'net / raw': net,
  }
  return { row, net }
}

// Both take the form of signature that node checks fastest, whatever form the backend gives.

function checkAtOnce(key: KeyObject, signature: Uint8Array): boolean {
  return verify('sha256', MESSAGE, key, signature)
}

function checkOnPool(key: KeyObject, signature: Uint8Array): Promise<boolean> {
  return promisify<string, Uint8Array, KeyObject, Uint8Array, boolean>(verify)(
    'sha256',
    MESSAGE,
    key,
    signature,
  )
}

async function countKmsCalls(kms: Awaited<ReturnType<typeof startRemoteKms>>): Promise<number> {
  const { signer } = await kms.openKey('ES256')
  const total = async (): Promise<number> =>
    Object.values(await kms.calls()).reduce((sum, calls) => sum + calls, 0)
  const signatures = 20
  const before = await total()
  for (let done = 0; done < signatures; done += 1) await signer.sign(MESSAGE)
  return ((await total()) - before) / signatures
}
