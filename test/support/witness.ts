/** Witnesses that answer on loopback, each with a state of its own. */
import { onTestFinished } from 'vitest'
import { serializeAddCheckpoint } from '../../src/formats/add-checkpoint.ts'
import type { NoteKey } from '../../src/formats/note-key.ts'
import type { LogReader, StoredCheckpoint } from '../../src/log/log-records.ts'
import { proveConsistency } from '../../src/log/proofs.ts'
import { nodesOfTiles } from '../../src/log/tiles.ts'
import { Witness } from '../../src/log/witness.ts'
import { startWitness } from '../../src/service/logs/witness-server.ts'
import { openWitnessState } from '../../src/store/witness-state.ts'
import { startLoopbackServer } from './loopback-server.ts'
import { testSigner } from './signers.ts'
import { createTempFolder } from './temp-folder.ts'

/** What a witness of a test is made of. */
export interface TestWitnessOptions {
  readonly name?: string
  readonly logs: readonly NoteKey[]
  readonly folder?: string
  /** Default: any. */
  readonly port?: number
}

/** A witness that answers. */
export interface TestWitness extends AsyncDisposable {
  readonly url: string
  readonly key: NoteKey
  readonly witness: Witness
}

/** Starts a witness; it is stopped when the test ends, or before by disposing it. */
export async function startTestWitness({
  name = 'witness.example/1',
  logs,
  folder = createTempFolder(),
  port = 0,
}: TestWitnessOptions): Promise<TestWitness> {
  await using stack = new AsyncDisposableStack()
  const state = stack.use(await openWitnessState(folder))
  const signer = testSigner('EdDSA', name)
  const witness = new Witness({ name, signer, logs, state, now: () => new Date() })
  const onError = (error: Error): void => {
    throw error
  }
  const { address } = stack.use(await startWitness({ witness, host: '127.0.0.1', port, onError }))
  const owned = stack.move()
  onTestFinished(() => owned.disposeAsync())
  return {
    url: address,
    key: witness.key,
    witness,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The request by which a log has its checkpoint cosigned. */
export async function askFor(
  log: LogReader,
  { note, size }: StoredCheckpoint,
  oldSize: number,
): Promise<Uint8Array> {
  const node = nodesOfTiles((level, index) => log.tile(level, index))
  const proof = oldSize <= size ? await proveConsistency(oldSize, size, node) : []
  return serializeAddCheckpoint({ oldSize, proof, note: Buffer.from(note) })
}

/** What stands between a service and its witness. */
export interface WitnessGate {
  readonly url: string
  /** Has every request wait, from now on until the function that it answers is called. */
  close(): () => void
}

/** Starts a gate before a witness; it is open. */
export async function startWitnessGate({ url: inner }: TestWitness): Promise<WitnessGate> {
  let opened = Promise.resolve()
  const { url } = await startLoopbackServer(async ({ body, method, path }) => {
    await opened
    const answer = await fetch(`${inner}${path}`, { method, body: Buffer.from(body) })
    const contentType = answer.headers.get('content-type') ?? ''
    return { status: answer.status, body: await answer.text(), contentType }
  })
  return {
    url,
    close: () => {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      opened = promise.then(() => undefined)
      return () => {
        resolve(undefined)
      }
    },
  }
}
