/**
 * The chapters about the service: it has the keys, knows who calls, rotates, revokes, and everything it
 * did is in its log.
 *
 * @packageDocumentation
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { findTrustKey, fingerprintOf } from '../../src/client/trust-pin.ts'
import { freePort } from '../../test/support/free-port.ts'
import { writeImage } from './image.ts'
import { startIssuer } from './issuer.ts'
import type { Narrator, Running } from './narrator.ts'

/** Of the story, with whatever all its chapters share. */
interface Scene {
  readonly story: Narrator
  readonly folder: string
  /** Address of the service. */
  readonly url: string
  /** `--server URL --token-file FILE`, of a job and of an operator. */
  readonly asJob: readonly string[]
  readonly asOperator: readonly string[]
}

const AUDIENCE = 'https://api.example.com'
/** max(maxAge, verifierCache) + replicaLag + clockSkew of the configuration below, and a little. */
const STANDBY_MS = 3500
const HOUR_MS = 3_600_000

function configuration(url: string, issuer: string): string {
  const rotation = '{ maxAge: 1s, verifierCache: 1s, replicaLag: 1s, signerLag: 1s, clockSkew: 1s }'
  return `issuer: ${url}
store: sqlite:countersign.db
keys:
  release:  { use: artifact, provider: "file:keys/", rotation: ${rotation} }
  sessions: { use: token, provider: "file:keys/", maxTokenLifetime: 10m }
access:
  issuers: [{ issuer: "${issuer}", allowPrivateAddresses: true }]
  policies: policies/
serve: { listen: "${new URL(url).host}" }
`
}

function policies(issuer: string): string {
  return `// Jobs of one repository sign and get tokens, on protected branches.
permit (
  principal in Issuer::"${issuer}",
  action in [Action::"sign", Action::"issueToken"],
  resource
)
when {
  principal has repository_id && principal.repository_id == "123456789" &&
  principal has ref_protected && principal.ref_protected == "true"
};

// The people on call look after the keys.
permit (
  principal in Issuer::"${issuer}",
  action in [Action::"administration", Action::"reading", Action::"readLog"],
  resource
)
when { principal.subject == "on-call" };
`
}

/** Tells the chapters, from the fourth on; the service has stopped at their end. */
export async function tellOfService(
  story: Narrator,
  folder: string,
  tarball: Uint8Array,
): Promise<void> {
  await using issuer = await startIssuer()
  const url = `http://127.0.0.1:${await freePort()}`
  mkdirSync(join(folder, 'policies'))
  writeFileSync(join(folder, 'countersign.yaml'), configuration(url, issuer.url))
  writeFileSync(join(folder, 'policies/all.cedar'), policies(issuer.url))
  const job = { sub: 'job', repository_id: '123456789', ref_protected: 'true' }
  writeFileSync(join(folder, 'job.token'), await issuer.identify(job, url))
  writeFileSync(join(folder, 'on-call.token'), await issuer.identify({ sub: 'on-call' }, url))
  const scene: Scene = {
    story: story.with({ COUNTERSIGN_HOME: join(folder, 'home') }),
    folder,
    url,
    asJob: ['--server', url, '--token-file', 'job.token'],
    asOperator: ['--server', url, '--token-file', 'on-call.token'],
  }
  const service = await tellOfStart(scene)
  const started = performance.now()
  try {
    await tellOfSigning(scene, tarball)
    await tellOfTokens(scene)
    await pause(Math.max(0, STANDBY_MS - (performance.now() - started)))
    await tellOfRotation(scene)
    await tellOfRevocation(scene)
  } finally {
    await service.stop()
  }
}

async function tellOfStart({ story, folder, url }: Scene): Promise<Running> {
  story.chapter('5. A service that has the keys')
  story.say('countersign.yaml; its callers have tokens of an OpenID Connect issuer that runs here:')
  story.show(readFileSync(join(folder, 'countersign.yaml'), 'utf8'))
  story.say('policies/all.cedar; what no policy permits is denied:')
  story.show(readFileSync(join(folder, 'policies/all.cedar'), 'utf8'))
  await story.countersign(['config', 'check'])
  const service = await story.start(['serve'], 'warning: keys in files')
  story.say(
    '\nWhoever verifies pins its trust key once, by the fingerprint its operator tells them:',
  )
  const published = await fetch(`${url}/trust/keys.json`)
  const pin = fingerprintOf(findTrustKey(new Uint8Array(await published.arrayBuffer())))
  await story.countersign(['trust', 'init', url, '--fingerprint', pin])
  return service
}

async function tellOfSigning({ story, folder, asJob }: Scene, tarball: Uint8Array): Promise<void> {
  writeImage(join(folder, 'served'), tarball, '1.0')
  story.say('\nA job signs an image. Its digest goes to the service; no key is on this side:')
  await story.countersign(['sign', '--key', 'release', ...asJob, 'oci-layout://served:1.0'])
  story.say('\nVerifying it takes no key: the pinned service is trusted.')
  await story.countersign(['verify', 'oci-layout://served:1.0'])
  story.say('\nA job may sign, and nothing else:')
  await story.countersign(['key', 'rotate', 'release', ...asJob], 8)
}

async function tellOfTokens({ story, folder, url, asJob }: Scene): Promise<void> {
  story.chapter('6. Tokens that any JOSE library verifies')
  const claims = ['--audience', AUDIENCE, '--subject', 'alice']
  const issue = ['token', 'issue', '--key', 'sessions', ...asJob, ...claims]
  await story.countersign(issue, { into: 'token.jwt' })
  story.say('\nHow a service of yours accepts it, here with jose:')
  story.show(`const keys = createRemoteJWKSet(new URL('${url}/.well-known/jwks.json'))
const { payload } = await jwtVerify(token, keys, { issuer: '${url}', audience: '${AUDIENCE}' })`)
  const token = readFileSync(join(folder, 'token.jwt'), 'utf8').trim()
  const keys = createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`))
  const { payload } = await jwtVerify(token, keys, { issuer: url, audience: AUDIENCE })
  story.say(`accepted: ${JSON.stringify(payload)}`)
}

async function tellOfRotation({ story, asJob, asOperator }: Scene): Promise<void> {
  story.chapter('7. Rotation without downtime')
  story.say('A standby is always published, and signs when every verifier can have it:')
  story.say('after 3 seconds as configured here, after 16 minutes by default.')
  await story.countersign(['key', 'rotate', 'release', ...asOperator])
  story.say('\nThe next signature is by the next version; both verify:')
  await story.countersign(['sign', '--key', 'release', ...asJob, '--overwrite', 'app.tgz'])
  await story.countersign(['verify', 'app.tgz', 'oci-layout://served:1.0'])
}

async function tellOfRevocation({ story, asOperator, url }: Scene): Promise<void> {
  const revoke = (since: Date): readonly string[] => [
    ...['key', 'revoke', 'release', ...asOperator, '--key-version', '2', '--mode', 'seamless'],
    ...['--compromised-since', since.toISOString(), '--reason', 'drill', '--confirm', 'release'],
  ]
  story.chapter('8. A version is compromised')
  // Time stamps are whole seconds, rounded up: the last signature must lie before the revocation.
  await pause(2000)
  const now = new Date()
  story.say('Revoking it stops it at once, and lets the standby sign in its place:')
  await story.countersign(revoke(now))
  story.say('\nWhat it signed before counts on, for a time stamp shows when that was:')
  await story.countersign(['trust', 'update'])
  await story.countersign(['verify', 'app.tgz'])
  story.say('\nIt turns out that the thief had it an hour ago. Then nothing of it counts:')
  await story.countersign(revoke(new Date(now.getTime() - HOUR_MS)))
  await story.countersign(['trust', 'update'])
  await story.countersign(['verify', 'app.tgz'], 6)
  story.say(
    '\nEvery signature and every change of a key is in its public log, and nothing is missing:',
  )
  await story.countersign(['log', 'verify', '--server', url])
  story.say(
    '\nWho did it, and what was refused, is in its audit log, which the policies let on-call read:',
  )
  await story.countersign(['audit', 'show', ...asOperator, '--type', 'denial'])
  await story.countersign(['audit', 'verify', ...asOperator])
}
