/**
 * All that a step of a workflow meets, on loopback: a service behind a proxy that can fail, an issuer that
 * speaks for GitHub, a registry with an image, GitHub's API.
 *
 * @packageDocumentation
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { runStep as runHere } from '../../../action/run.ts'
import { createStepLog } from '../../../action/runner.ts'
import { findTrustKey, fingerprintOf } from '../../../src/client/trust-pin.ts'
import { createRuntime } from '../../../src/basics/runtime.ts'
import {
  type ActionOptions,
  type ActionResult,
  type GitHubApi,
  prepareStep,
  runAction,
  startGitHubApi,
} from '../../../src/testing.ts'
import { pushImage } from '../../oci/open-registry.ts'
import { countersign, type CliResult } from '../cli.ts'
import { GITHUB_ISSUER } from '../identity-claims.ts'
import { createImage, type Image } from '../oci-content.ts'
import { type OidcIssuer, startOidcIssuer } from '../oidc-issuer.ts'
import { PROJECT } from '../project.ts'
import { startRawServer } from '../raw-server.ts'
import { createRegistryDouble, type RegistryDouble } from '../registry/registry-double.ts'
import { runServer } from '../server.ts'
import { writeServiceFolder } from '../service-folder.ts'
import { createTempFolder } from '../temp-folder.ts'

/** How a step is run: as the runner does, or in this process, where its coverage is measured. */
export type StepKind = 'bundle' | 'source'

/** Answers in place of the service; undefined lets the request through. */
export type ServiceFault = (
  request: IncomingMessage,
  response: ServerResponse,
) => 'answered' | undefined

/** A running scene; everything stops when the test ends. */
export interface ActionScene {
  /** Address of the service. */
  readonly server: string
  readonly issuer: OidcIssuer
  readonly registry: RegistryDouble
  readonly github: GitHubApi
  readonly image: Image
  /** `HOST/app`, where the image is. */
  readonly app: string
  /** The checkout of the workflow. */
  readonly workspace: string
  /** Requests that signed something, with the key that names the wish. */
  readonly signed: readonly { readonly path: string; readonly idempotencyKey: string }[]
  /** Claims in place of the usual, of the tokens that jobs request from now on. */
  readonly jobClaims: Record<string, unknown>
  /** Consulted for every request to the service. */
  fault: ServiceFault | undefined
  /** Has the service do what a request asks; its answer is lost. */
  passOn(request: IncomingMessage): Promise<void>
  run(step: ActionOptions): Promise<ActionResult>
  /** Runs our command line, which has pinned the service. */
  verify(...args: readonly string[]): Promise<CliResult>
}

/** Starts a scene. */
export async function startActionScene(kind: StepKind): Promise<ActionScene> {
  let upstream = ''
  const signed: { path: string; idempotencyKey: string }[] = []
  const proxy = await startRawServer((request, response) => {
    const { url: path = '', method } = request
    const idempotencyKey = String(request.headers['idempotency-key'] ?? '')
    if (method === 'POST') signed.push({ path, idempotencyKey })
    if (scene.fault?.(request, response) === undefined) void forward(upstream, request, response)
  })
  const server = proxy.origin
  const jobClaims: Record<string, unknown> = { iss: GITHUB_ISSUER }
  const issuer = await startOidcIssuer({ audience: server, jobClaims })
  const folder = writeServiceFolder({
    folder: createTempFolder(),
    issuer: server,
    keys: { release: { use: 'artifact' }, sessions: { use: 'token' } },
    access: {
      issuers: [
        { issuer: GITHUB_ISSUER, jwksUri: `${issuer.issuer}/jwks`, allowPrivateAddresses: true },
      ],
    },
  })
  upstream = (await runServer(folder)).address
  const registry = await createRegistryDouble()
  const image = createImage()
  await pushImage(registry.host, image)
  const github = await startGitHubApi()
  onTestFinished(() => github[Symbol.asyncDispose]())
  const workspace = createTempFolder()
  const home = createTempFolder()
  const scene: ActionScene = {
    server,
    issuer,
    registry,
    github,
    image,
    app: `${registry.host}/app`,
    workspace,
    signed,
    jobClaims,
    fault: undefined,
    passOn: async (request) => {
      await (await ask(upstream, request)).arrayBuffer()
    },
    run: async (step) => {
      const env = { ...issuer.variables, ...github.variables, ...step.env }
      return runAs(kind, { workspace, ...step, env })
    },
    verify: async (...args) => {
      const published = await fetch(`${server}/trust/keys.json`)
      const key = findTrustKey(new Uint8Array(await published.arrayBuffer()))
      const world = { env: { COUNTERSIGN_HOME: home }, now: new Date() }
      await countersign(['trust', 'init', server, '--fingerprint', fingerprintOf(key)], world)
      return countersign(['verify', ...args], world)
    },
  }
  return scene
}

/** Runs a step as the runner does, or in this process; what it left is removed when the test ends. */
export async function runAs(kind: StepKind, options: ActionOptions): Promise<ActionResult> {
  const result =
    kind === 'bundle'
      ? await runAction(join(PROJECT, 'action/dist/index.js'), options)
      : await runSource(options)
  onTestFinished(() => {
    result[Symbol.dispose]()
  })
  return result
}

async function runSource(options: ActionOptions): Promise<ActionResult> {
  const step = prepareStep(options)
  const said: string[] = []
  const { signal = new AbortController().signal } = options
  const runtime = createRuntime(Date.now)
  const exitCode = await runHere({
    env: step.env,
    // A twentieth of the time is enough within one process.
    runtime: { ...runtime, deadline: (ms) => runtime.deadline(ms / 20) },
    now: () => new Date(),
    log: createStepLog((line) => said.push(line)),
    signal,
    halt: signal,
  })
  return step.finish(said.join(''), exitCode)
}

async function forward(
  upstream: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answer = await ask(upstream, request)
  const type = answer.headers.get('content-type') ?? 'application/json'
  response.writeHead(answer.status, { 'content-type': type })
  response.end(Buffer.from(await answer.arrayBuffer()))
}

async function ask(upstream: string, request: IncomingMessage): Promise<Response> {
  const { method = 'GET', url = '' } = request
  const names = ['authorization', 'content-type', 'idempotency-key', 'accept']
  const headers = Object.fromEntries(
    names.flatMap((name) => (request.headers[name] ? [[name, String(request.headers[name])]] : [])),
  )
  const body = await buffer(request)
  return fetch(`${upstream}${url}`, {
    method,
    headers,
    ...(method === 'POST' && { body: new Uint8Array(body) }),
  })
}
