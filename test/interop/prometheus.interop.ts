/** The alerts and the dashboard of deploy/, on a real Prometheus that scrapes a real service. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { PROMETHEUS } from '../../tools/test/packages.ts'
import { freePort } from '../support/free-port.ts'
import { PROJECT, readProjectFile } from '../support/project.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { startServiceProcess } from '../support/service-process.ts'
import { SOON } from '../support/soon.ts'
import { describeWith } from './support/needs.ts'

const RULES = join(PROJECT, 'deploy/prometheus/countersign.rules.yml')
const SECOND_MS = 1000

/** What its API answers. */
interface Answer<Data> {
  readonly status: string
  readonly data: Data
}

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly name: string
      readonly health: string
      readonly state?: string
    }[]
  }[]
}

interface Result {
  readonly result: readonly { readonly value: readonly [number, string] }[]
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string
    readonly targets?: readonly { readonly expr: string }[]
  }[]
}

describeWith('Prometheus', [PROMETHEUS], () => {
  const stack = new AsyncDisposableStack()
  let api = ''

  beforeAll(async () => {
    const metrics = await freePort()
    const service = writeServiceFolder({
      folder: makeFolder(),
      keys: {
        release: { use: 'artifact', rotation: { every: '90d' } },
        sessions: { use: 'token' },
      },
      serve: { metrics: `127.0.0.1:${metrics}` },
      policies: 'permit (principal, action, resource) unless { action == Action::"attest" };\n',
    })
    const replica = stack.use(await startServiceProcess(service))
    api = await startPrometheus(metrics)
    const stop = useAll(replica.url, service.authorization)
    stack.defer(stop)
  })

  afterAll(() => stack.disposeAsync())

  /** A folder for all tests. */
  function makeFolder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-prometheus-'))
    stack.defer(() => {
      rmSync(folder, { recursive: true, force: true })
    })
    return folder
  }

  /** Starts one that scrapes once a second; answers the address of its API. */
  async function startPrometheus(metrics: number): Promise<string> {
    const folder = makeFolder()
    const config = join(folder, 'prometheus.yml')
    writeFileSync(
      config,
      JSON.stringify({
        global: { scrape_interval: '1s', evaluation_interval: '1s' },
        rule_files: [RULES],
        scrape_configs: [
          { job_name: 'countersign', static_configs: [{ targets: [`127.0.0.1:${metrics}`] }] },
        ],
      }),
    )
    const address = `127.0.0.1:${await freePort()}`
    const args = ['--config.file', config, '--storage.tsdb.path', join(folder, 'data')]
    const child = spawn('prometheus', [...args, '--web.listen-address', address], {
      stdio: 'ignore',
    })
    stack.defer(async () => {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    })
    await vi.waitUntil(() => isReady(`http://${address}/-/ready`), SOON)
    return `http://${address}/api/v1`
  }

  async function ask<Data>(path: string): Promise<Answer<Data>> {
    return (await (await fetch(`${api}/${path}`)).json()) as Answer<Data>
  }

  const query = (expr: string): Promise<Answer<Result>> =>
    ask(`query?query=${encodeURIComponent(expr)}`)

  const value = async (expr: string): Promise<number> =>
    Number((await query(expr)).data.result[0]?.value[1])

  test('the rules pass their unit tests', () => {
    const cwd = join(PROJECT, 'deploy/prometheus')
    for (const args of [
      ['check', 'rules', 'countersign.rules.yml'],
      ['test', 'rules', 'countersign.rules.test.yml'],
    ]) {
      const done = spawnSync('promtool', args, { cwd, encoding: 'utf8' })
      expect(done.status, `${done.stdout}${done.stderr}`).toBe(0)
    }
  })

  test('every rule is evaluated, and none fires over a healthy service', async () => {
    const rules = async (): Promise<Rules['groups'][number]['rules']> =>
      (await ask<Rules>('rules')).data.groups.flatMap((group) => group.rules)
    await expect
      .poll(async () => (await rules()).every(({ health }) => health !== 'unknown'), SOON)
      .toBe(true)

    const all = await rules()

    expect(all.filter(({ health }) => health !== 'ok')).toEqual([])
    expect(all.filter(({ state }) => state === 'firing')).toEqual([])
  })

  test('every query of the dashboard finds something', async () => {
    const { panels } = JSON.parse(readProjectFile('deploy/grafana/countersign.json')) as Dashboard
    const queries = panels.flatMap(({ targets = [], title }) =>
      targets.map(({ expr }) => ({ title, expr: expr.replaceAll('$__rate_interval', '10s') })),
    )
    expect(queries.length).toBeGreaterThan(15)
    for (const { expr, title } of queries) {
      const found = async (): Promise<number> => {
        const { data, status } = await query(expr)
        expect(status, title).toBe('success')
        return data.result.length
      }
      // Nothing fails over a healthy service.
      if (title === 'Errors of backends, by cause') expect(await found()).toBe(0)
      else await expect.poll(found, { ...SOON, message: `${title}: ${expr}` }).toBeGreaterThan(0)
    }
  })

  test('what Prometheus reads is what clients did', async () => {
    const signed = 'countersign_http_requests_total{operation="signArtifacts",status="200"}'
    await expect.poll(() => value(signed), SOON).toBeGreaterThan(2)
    expect(await value('countersign_log_size{log="transparency"}')).toBeGreaterThan(2)
    expect(await value('countersign_key_signs{key="release"}')).toBe(1)
    await expect
      .poll(() => value('countersign_denials_total{action="attest",key="release"}'), SOON)
      .toBeGreaterThan(0)
  })
})

async function isReady(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  )
}

/** A client that signs, asks for tokens and is denied an attestation, a few times a second; answers how to stop it. */
function useAll(url: string, authorization: string): () => Promise<void> {
  const digest = `sha256:${'ab'.repeat(32)}`
  const requests = [
    ['release/signatures', { artifacts: [{ kind: 'file', digest }] }],
    ['sessions/tokens', { audience: 'https://api.example.com' }],
    [
      'release/attestations',
      { subjects: [{ digest }], predicateType: 'https://example.com/p', predicate: { a: 1 } },
    ],
  ] as const
  const post = async (): Promise<void> => {
    for (const [path, body] of requests) {
      const headers = { authorization, 'content-type': 'application/json' }
      const init = { method: 'POST', headers, body: JSON.stringify(body) }
      await (await fetch(`${url}/v1/keys/${path}`, init)).arrayBuffer()
    }
  }
  let running = Promise.resolve()
  const timer = setInterval(() => {
    running = running.then(post).catch(() => undefined)
  }, SECOND_MS / 2)
  return async () => {
    clearInterval(timer)
    await running
  }
}
