/** Other implementations that judge every vector; what they are is written into the files. */
import { execFileSync } from 'node:child_process'
import { createPublicKey, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compactVerify, createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { openssl } from './confirm-openssl.ts'
import { readProjectFile } from '../../test/support/project.ts'

/** An input as another implementation gets it: a case with the members of its group. */
export type Task = Readonly<Record<string, unknown>> & { readonly kind: string }

/** The verdict of one implementation; null where it does not know the kind of input. */
export type Answer = boolean | null

/** One implementation. */
export interface Confirmer {
  readonly name: string
  readonly version: string
  readonly judge: (tasks: readonly Task[]) => Promise<readonly Answer[]>
}

const HERE = join(import.meta.dirname, 'confirm')
const MAX_OUTPUT_BYTES = 64 << 20

/**
 * Opens every implementation.
 *
 * @throws Error — one of them is not on this machine: vectors are never written unconfirmed
 */
export function openConfirmers(): {
  readonly all: readonly Confirmer[]
  readonly close: () => void
} {
  const folder = mkdtempSync(join(tmpdir(), 'vectors-'))
  const go = join(folder, 'confirm')
  execFileSync('go', ['build', '-o', go, '.'], { cwd: join(HERE, 'go'), stdio: 'inherit' })
  return {
    all: [
      program('pyca', 'python3', [join(HERE, 'main.py')]),
      program('go', go, []),
      openssl(),
      jose(),
    ],
    close: () => {
      rmSync(folder, { recursive: true })
    },
  }
}

function program(name: string, command: string, args: readonly string[]): Confirmer {
  return {
    name,
    version: execFileSync(command, [...args, 'version'], { encoding: 'utf8' }).trim(),
    judge: (tasks) => {
      const input = JSON.stringify(tasks)
      const options = { input, encoding: 'utf8', maxBuffer: MAX_OUTPUT_BYTES } as const
      return Promise.resolve(JSON.parse(execFileSync(command, args, options)) as readonly Answer[])
    },
  }
}

/** The library that most verifiers of tokens in JavaScript use. */
function jose(): Confirmer {
  const { version } = JSON.parse(readProjectFile('node_modules/jose/package.json')) as {
    readonly version: string
  }
  return {
    name: 'jose',
    version: `jose ${version}`,
    judge: (tasks) => Promise.all(tasks.map(judgeToken)),
  }
}

async function judgeToken(task: Task): Promise<Answer> {
  const verify = TOKEN_KINDS[task.kind]
  if (verify === undefined) return null
  try {
    await verify(task)
    return true
  } catch {
    return false
  }
}

const TOKEN_KINDS: Readonly<Record<string, (task: Task) => Promise<unknown>>> = {
  jws: (task) =>
    compactVerify(textOf(task, 'data'), keyOf(task), { algorithms: algorithmsOf(task) }),
  jwks: (task) => {
    const set = JSON.parse(textOf(task, 'set')) as JSONWebKeySet
    return compactVerify(textOf(task, 'token'), createLocalJWKSet(set))
  },
  jwt: (task) =>
    jwtVerify(textOf(task, 'data'), keyOf(task), {
      algorithms: algorithmsOf(task),
      issuer: textOf(task, 'issuer'),
      audience: textOf(task, 'audience'),
      currentDate: new Date(textOf(task, 'now')),
      clockTolerance: 60,
      typ: 'JWT',
      requiredClaims: ['exp'],
    }),
}

function textOf(task: Task, member: string): string {
  const value = task[member]
  if (typeof value === 'string') return value
  throw new TypeError(`a task without ${member}`)
}

function keyOf(task: Task): KeyObject {
  return createPublicKey({
    key: Buffer.from(textOf(task, 'spki'), 'hex'),
    format: 'der',
    type: 'spki',
  })
}

/** Both names of Ed25519 are of one algorithm. */
function algorithmsOf(task: Task): string[] {
  const algorithm = textOf(task, 'algorithm')
  return algorithm.startsWith('Ed') ? ['EdDSA', 'Ed25519'] : [algorithm]
}
