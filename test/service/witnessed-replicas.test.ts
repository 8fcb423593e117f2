/** Replicas on one PostgreSQL database whose signatures wait for witnesses: what leaves them was cosigned. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { LogSection } from '../../src/config/sections/serve.ts'
import { digestOf, type Digest } from '../../src/crypto/digest.ts'
import type { NoteKey } from '../../src/formats/note-key.ts'
import { openStore } from '../../src/store/open-store.ts'
import { createPostgres, type PostgresServer } from '../support/postgres.ts'
import { runServer } from '../support/server.ts'
import type { ClientOptions } from '../support/service-client.ts'
import { type ServiceFolder, writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import {
  startTestWitness,
  startWitnessGate,
  type TestWitness,
  type WitnessGate,
} from '../support/witness.ts'
import {
  logKeysOf,
  provenSize,
  readTrust,
  releaseFile,
  verdictOn,
} from '../support/witnessed-release.ts'

const digest = (name: string): Digest => digestOf(Buffer.from(name))

let postgres: PostgresServer

beforeAll(async () => {
  postgres = await createPostgres()
})

afterAll(() => postgres.stop())

/** Whom a replica asks, through gates of its own, and what it demands of them. */
interface ReplicaOptions {
  readonly wait?: string
  readonly quorum?: number
  readonly witnesses?: number
}

interface Replica extends ClientOptions {
  readonly gates: readonly WitnessGate[]
}

interface Scene {
  readonly replicas: readonly Replica[]
  readonly witnesses: readonly TestWitness[]
  readonly store: string
}

/** Replicas of one service, which share a database, keys and witnesses. */
async function startReplicas(options: readonly ReplicaOptions[]): Promise<Scene> {
  const logs: NoteKey[] = []
  const witnesses = await Promise.all(
    ['w.example/1', 'w.example/2'].map((name) => startTestWitness({ name, logs })),
  )
  const store = await postgres.createDatabase()
  const keys = { release: { use: 'artifact' } } as const
  const folder = writeServiceFolder({ folder: createTempFolder(), store, keys })
  const replicas: Replica[] = []
  for (const [place, option] of options.entries()) {
    const gates = await Promise.all(
      witnesses.slice(0, option.witnesses).map((witness) => startWitnessGate(witness)),
    )
    const config = writeConfig(folder, `replica-${place}`, logSection(option, witnesses, gates))
    const server = await runServer({ ...folder, config }, { migrate: place === 0 })
    // The keys of the logs are made by the first.
    if (place === 0) logs.push(...logKeysOf(server))
    replicas.push({ gates, address: server.address, authorization: folder.authorization })
  }
  return { replicas, witnesses, store }
}

function logSection(
  { quorum, wait }: ReplicaOptions,
  witnesses: readonly TestWitness[],
  gates: readonly WitnessGate[],
): LogSection {
  return {
    waitForWitnesses: wait ?? '20s',
    ...(quorum !== undefined && { witnessQuorum: quorum }),
    witnesses: gates.map(({ url }, place) => ({ key: witnesses[place]?.key.vkey ?? '', url })),
  }
}

function writeConfig({ config, folder }: ServiceFolder, name: string, log: LogSection): string {
  const path = join(folder, `${name}.yaml`)
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(config, 'utf8')), log }))
  return path
}

/** Waits until the audit log names a file: its group is committed, and its size is settled. */
async function committed({ store: url }: Scene, file: string): Promise<void> {
  await using store = await openStore(url)
  const isThere = async (): Promise<boolean> => {
    const found = await store.log.find(`digest:${digest(file)}`, { limit: 1 })
    return found.length > 0
  }
  await vi.waitUntil(isThere, { timeout: 20_000 })
}

test('what a replica releases is proven under a later checkpoint of another, where witnesses cosigned that', async () => {
  const scene = await startReplicas([{}, {}])
  const [slow, quick] = scene.replicas as [Replica, Replica]
  const open = slow.gates.map((gate) => gate.close())

  const waiting = releaseFile(slow, digest('first'))
  await committed(scene, 'first')
  const later = await releaseFile(quick, digest('second'))
  for (const openGate of open) openGate()
  const first = await waiting

  const trust = await readTrust(quick.address)
  const witnesses = { keys: scene.witnesses.map(({ key }) => key), count: 2 }
  expect(provenSize(first.bundle)).toBeGreaterThanOrEqual(provenSize(later.bundle))
  for (const [{ bundle = {} }, name] of [
    [first, 'first'],
    [later, 'second'],
  ] as const) {
    expect(await verdictOn(bundle, { trust, digest: digest(name), witnesses })).toBe('accepted')
  }
})

test('a quorum of another replica that is smaller than its own releases nothing', async () => {
  const scene = await startReplicas([{ wait: '2s' }, { quorum: 1, witnesses: 1 }])
  const [strict, lax] = scene.replicas as [Replica, Replica]
  strict.gates.map((gate) => gate.close())

  const waiting = releaseFile(strict, digest('first'))
  await committed(scene, 'first')
  const later = await releaseFile(lax, digest('second'))

  expect(later.bundle).toBeDefined()
  expect(await waiting).toEqual({ code: 'ERR_LOG_UNAVAILABLE' })
})

test('a witness that answers late has nothing released, and the retry once it answers is cosigned', async () => {
  const scene = await startReplicas([{ wait: '1s' }, {}])
  const [strict, other] = scene.replicas as [Replica, Replica]
  const [gate] = strict.gates
  const open = gate?.close()
  const retry = { 'idempotency-key': 'release-1' }

  expect(await releaseFile(strict, digest('app'), retry)).toEqual({ code: 'ERR_LOG_UNAVAILABLE' })
  open?.()
  const { bundle = {} } = await releaseFile(other, digest('app'), retry)

  const trust = await readTrust(other.address)
  const witnesses = { keys: scene.witnesses.map(({ key }) => key), count: 2 }
  expect(await verdictOn(bundle, { trust, digest: digest('app'), witnesses })).toBe('accepted')
})
