/** The service as operators run it: the built command line, a configuration, policies, one store. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPostgres } from '../../test/support/postgres.ts'
import { CLI } from '../built-cli.ts'
import { type Callers, ISSUER } from './callers.ts'
import type { Cores } from './cores.ts'
import { type ServerProcess, startServerProcess } from './server-process.ts'

/** Keys every deployment has, by what is measured with them. */
export const KEYS = {
  tokens: 'tokens',
  /** RS256, as the next is; all other keys are ES256. */
  rsaTokens: 'rsa-tokens',
  rsaImages: 'rsa-images',
  /** Its signatures carry a time stamp of the service itself. */
  stamped: 'stamped',
  plain: 'plain',
} as const

/** Where keys are, and how many processes there are: one on SQLite, more on PostgreSQL. */
export interface DeploymentOptions {
  /** `provider` of the keys; left out, a folder of files. */
  readonly provider?: string | undefined
  /** What the processes need in their environment for it. */
  readonly env?: NodeJS.ProcessEnv | undefined
  readonly processes: number
  readonly callers: Pick<Callers, 'issuer' | 'jwksUri'>
  /** On which its processes run; left out, all. PostgreSQL is not kept to any. */
  readonly cores?: Cores | undefined
}

/** A running service. */
export interface Deployment extends AsyncDisposable {
  readonly processes: readonly ServerProcess[]
  readonly addresses: readonly string[]
  /** For files that belong to it; removed with it. */
  readonly folder: string
  readonly cores: Cores | undefined
}

/** Starts it; every key has a version that signs. */
export async function startDeployment(options: DeploymentOptions): Promise<Deployment> {
  await using resources = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
  resources.defer(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  const isAlone = options.processes === 1
  const store = isAlone ? `sqlite:${folder}/service.db` : await createDatabase(folder, resources)
  writeConfiguration(folder, store, options)
  const processes: ServerProcess[] = []
  for (let number = 0; number < options.processes; number += 1) {
    // One after the other, as a rolling update has it; the first brings the schema.
    const migrate = isAlone || number > 0 ? [] : ['--migrate']
    const config = ['--config', join(folder, 'countersign.yaml')]
    const server = await startServerProcess({
      command: process.execPath,
      args: [CLI, 'serve', ...config, ...migrate],
      env: { ...process.env, ...options.env, PGPASSFILE: passwordFile(folder) },
      logPath: join(folder, `${number}.log`),
      cores: options.cores?.server,
    })
    processes.push(resources.use(server))
  }
  const addresses = processes.map(({ address }) => address)
  const owned = resources.move()
  return {
    processes,
    addresses,
    folder,
    cores: options.cores,
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  }
}

/** Makes a database, and the file in which its clients find the password. */
async function createDatabase(folder: string, resources: AsyncDisposableStack): Promise<string> {
  // A commit waits for the disk, as it must where signatures are released after it.
  const postgres = await createPostgres({ isDurable: true })
  resources.defer(() => postgres.stop())
  const url = new URL(await postgres.createDatabase())
  const line = `*:*:*:${url.username}:${url.password}\n`
  writeFileSync(passwordFile(folder), line, { mode: 0o600 })
  url.password = ''
  return url.href
}

function passwordFile(folder: string): string {
  return join(folder, 'pgpass')
}

function writeConfiguration(
  folder: string,
  store: string,
  { callers: { issuer, jwksUri }, provider = `file:${folder}/keys/` }: DeploymentOptions,
): void {
  mkdirSync(join(folder, 'keys'), { mode: 0o700 })
  mkdirSync(join(folder, 'policies'))
  writeFileSync(join(folder, 'policies/bench.cedar'), policies(issuer))
  const file = `file:${folder}/keys/`
  const configuration = {
    issuer: ISSUER,
    store,
    keys: {
      [KEYS.tokens]: { use: 'token', provider },
      [KEYS.rsaTokens]: { use: 'token', algorithm: 'RS256', provider },
      [KEYS.rsaImages]: { use: 'artifact', algorithm: 'RS256', provider, timestamps: 'none' },
      [KEYS.stamped]: { use: 'artifact', provider, timestamps: 'embedded' },
      [KEYS.plain]: { use: 'artifact', provider, timestamps: 'none' },
      tsa: { use: 'timestamp', provider },
      log: { use: 'log', algorithm: 'EdDSA', provider: file },
      audit: { use: 'audit', algorithm: 'EdDSA', provider: file },
      trust: { use: 'trust', provider: file },
    },
    access: {
      issuers: [{ issuer, jwksUri, allowPrivateAddresses: true }],
      policies: join(folder, 'policies'),
    },
    serve: { listen: '127.0.0.1:0', rateLimit: 1_000_000 },
  }
  // JSON is YAML.
  writeFileSync(join(folder, 'countersign.yaml'), JSON.stringify(configuration))
}

/** What docs/policies/github-actions.cedar has, for the issuer and the keys at hand. */
function policies(issuer: string): string {
  return `
permit (
  principal in Issuer::"${issuer}",
  action == Action::"sign",
  resource
)
when {
  resource.use == "artifact" &&
  principal has repository_owner_id && principal.repository_owner_id == "987654" &&
  principal has job_workflow_ref &&
  principal.job_workflow_ref like "acme/workflows/.github/workflows/release.yml@refs/tags/v*" &&
  principal has ref_protected && principal.ref_protected == "true" &&
  context.subject.name like "ghcr.io/acme/*"
};

permit (
  principal in Issuer::"${issuer}",
  action == Action::"issueToken",
  resource
)
when {
  resource.use == "token" &&
  principal has repository_id && principal.repository_id == "123456789" &&
  principal has environment && principal.environment == "production" &&
  context.audience == "https://api.example.com" && context.lifetimeSeconds <= 900
};

forbid (principal, action in Action::"signing", resource)
when { principal has event_name && principal.event_name like "pull_request*" };
`
}
