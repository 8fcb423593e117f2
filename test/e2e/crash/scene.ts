/**
 * A service whose processes are killed while clients use it. Every wait of its keys is a second, so that
 * the scheduler has something to do all the time too.
 *
 * @packageDocumentation
 */
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { RotationEntry } from '../../../src/config/sections/key.ts'
import type { CreationIntent } from '../../../src/keys/key-records.ts'
import type { KeyView } from '../../../src/service/operations/describe-key.ts'
import type { Store } from '../../../src/store/store.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { type ServiceFolder, writeServiceFolder } from '../../support/service-folder.ts'
import { type ServiceProcess, startServiceProcess } from '../../support/service-process.ts'
import { LOAD_KEYS, startLoad } from './load.ts'
import { Receipts, type Refusal } from './receipts.ts'
import {
  doublyActive,
  findOrphans,
  type KeyState,
  missingLabels,
  readKeyState,
  type VerifiedLog,
  verifyStoredLogs,
} from './soundness.ts'
import { Targets } from './targets.ts'

/** What a scene is made of. */
export interface CrashSceneOptions {
  /** An existing folder. */
  readonly folder: string
  /** URL of a database, with its password; default: an SQLite file in the folder. */
  readonly postgres?: string
  /** Where keys of clients are; default: files. */
  readonly provider?: string
  readonly env?: Readonly<Record<string, string>>
  readonly seed: number
}

/** What must be empty, whichever process died when. */
export interface Findings {
  /** Labels of what clients got and the log has not. */
  readonly missing: readonly string[]
  readonly doublyActive: readonly string[]
  readonly orphans: readonly string[]
  /** Idempotency-Keys with two answers. */
  readonly contradictions: readonly string[]
  /** Failures of the service that do not say when to try again. */
  readonly faults: readonly Refusal[]
  /** Lines of its log about errors without a code of their own. */
  readonly internal: readonly string[]
}

/** Findings of a service that is sound. */
export const SOUND: Findings = {
  missing: [],
  doublyActive: [],
  orphans: [],
  contradictions: [],
  faults: [],
  internal: [],
}

const ROTATION: RotationEntry = {
  every: '5s',
  maxAge: '1s',
  verifierCache: '1s',
  replicaLag: '1s',
  signerLag: '1s',
  clockSkew: '1s',
  verifierLeeway: '1s',
  auditWindow: '1s',
}

/** Between two kills. */
const MOST_ANSWERS = 60
const LONGEST_MOMENT_MS = 2000

/** Starts and kills replicas of one service, and looks at what is left. Disposing it ends all it started. */
export class CrashScene implements AsyncDisposable {
  readonly receipts: Receipts = new Receipts()
  readonly targets: Targets = new Targets()
  readonly random: () => number
  readonly folder: string
  readonly #service: ServiceFolder
  readonly #env: Readonly<Record<string, string>>
  readonly #processes: ServiceProcess[] = []
  #load: AsyncDisposable | undefined
  /** Labels that were found before. */
  #found = 0
  #startMs = 0

  constructor({ folder, postgres, provider, env = {}, seed }: CrashSceneOptions) {
    const place = provider === undefined ? {} : { provider }
    this.folder = folder
    this.random = seededRandom(seed)
    this.#env = env
    this.#service = writeServiceFolder({
      folder,
      ...(postgres === undefined ? {} : { store: postgres }),
      keys: {
        [LOAD_KEYS.artifacts]: { use: 'artifact', rotation: ROTATION, ...place },
        [LOAD_KEYS.tokens]: { use: 'token', maxTokenLifetime: '5s', rotation: ROTATION, ...place },
      },
    })
  }

  get authorization(): string {
    return this.#service.authorization
  }

  /** Sets clients to work, two administrators among them. */
  startLoad(): AsyncDisposable {
    const { authorization, random, receipts, targets } = this
    const administered = Object.values(LOAD_KEYS)
    this.#load = startLoad({ targets, authorization, random, receipts, administered })
    return this.#load
  }

  /** Starts a replica, which clients do not know yet. */
  async start(): Promise<ServiceProcess> {
    const since = Date.now()
    const replica = await startServiceProcess(this.#service, { env: this.#env })
    this.#startMs = Date.now() - since
    this.#processes.push(replica)
    return replica
  }

  /** Lets clients use a replica. */
  admitClients({ url }: ServiceProcess): void {
    this.targets.add(url)
  }

  /** Waits until a replica has made versions of all key pairs that were left half made. */
  async untilFinished({ url }: ServiceProcess, { intents }: KeyState): Promise<void> {
    for (;;) {
      const keys = await this.#readKeys(url)
      const isMade = ({ key, version }: CreationIntent): boolean =>
        keys.some(({ name, versions }) => name === key && versions.length >= version)
      if (intents.every(isMade)) return
      await pause(50)
    }
  }

  /** What is wrong with the keys as a replica shows them before clients change them further. */
  async findFaults({ url }: ServiceProcess): Promise<readonly string[]> {
    const keys = await this.#readKeys(url)
    return keys.flatMap(({ name, versions }) => {
      const active = versions.filter(({ state }) => state === 'active')
      return active.length <= 1 ? [] : [`${name} has ${active.length} active versions`]
    })
  }

  async #readKeys(url: string): Promise<readonly KeyView[]> {
    const headers = { authorization: this.authorization }
    const response = await fetch(`${url}/v1/keys`, { headers })
    const { keys } = (await response.json()) as { readonly keys: readonly KeyView[] }
    return keys
  }

  /** Waits for a random moment: so many more answers, however fast the machine is, and a little more. */
  async untilSomeMoment(): Promise<void> {
    const { random, receipts } = this
    const goal = receipts.answered + random() * MOST_ANSWERS
    const latest = Date.now() + LONGEST_MOMENT_MS
    while (receipts.answered < goal && Date.now() < latest) await pause(2)
    await pause(random() * 20)
  }

  /** Kills a replica while requests of clients are under way, and waits until it is gone. */
  async kill(replica: ServiceProcess): Promise<void> {
    const ended = replica.kill('SIGKILL')
    this.targets.remove(replica.url)
    await ended
  }

  /** Kills a replica somewhere on its way to listening, whose usual length the last start tells. */
  async killAtStart(): Promise<void> {
    const deadlineMs = 1 + this.random() * this.#startMs
    const options = { env: this.#env, deadlineMs }
    const started = await startServiceProcess(this.#service, options).catch(() => undefined)
    await started?.kill('SIGKILL')
  }

  /** Looks at everything that clients got since the last look, and at all keys. */
  async inspect(store: Store): Promise<Findings> {
    const { contradictions, faults, labels } = this.receipts
    const fresh = labels.slice(this.#found)
    this.#found += fresh.length
    const orphans = await findOrphans(join(this.folder, 'keys'), store)
    return {
      missing: await missingLabels(store, fresh),
      doublyActive: doublyActive(await readKeyState(store)),
      orphans,
      contradictions: [...contradictions],
      faults,
      internal: this.#processes.flatMap((replica) => internalErrors(replica.log())),
    }
  }

  /**
   * Verifies both logs, which must continue every checkpoint that a client saw.
   *
   * @throws CountersignError ERR_LOG_PROOF_INVALID
   */
  verifyLogs(store: Store): Promise<VerifiedLog> {
    return verifyStoredLogs(store, this.receipts, new URL(this.#service.issuer).host)
  }

  /** The state after every replica was asked to stop, and did: all of it verified, nothing left to do. */
  async inspectAtEnd(store: Store): Promise<Findings & { readonly unfinished: readonly string[] }> {
    const { labels } = await this.verifyLogs(store)
    const unverified = this.receipts.labels.filter((label) => !labels.has(label))
    const { intents } = await readKeyState(store)
    const findings = await this.inspect(store)
    const missing = [...findings.missing, ...unverified]
    return { ...findings, missing, unfinished: intents.map(({ uri }) => uri) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const replica of this.#processes) {
      this.targets.remove(replica.url)
      await replica.kill('SIGKILL')
    }
    await this.#load?.[Symbol.asyncDispose]()
  }
}

function internalErrors(log: string): readonly string[] {
  return log.split('\n').filter((line) => line.includes('"code":"ERR_INTERNAL"'))
}
