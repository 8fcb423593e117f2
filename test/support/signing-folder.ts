import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import { type CliResult, type CliWorld, countersign } from './cli.ts'
import { createTempFolder } from './temp-folder.ts'

/** A folder to sign in, with files and keys; removed when the running test ends. */
export interface SigningFolder {
  readonly path: (name: string) => string
  /** Writes a file and answers its path. */
  readonly write: (name: string, content: string | Uint8Array) => string
  /** Makes `NAME.pem` and `NAME.pub`; answers the path of the private one. */
  readonly key: (name: string, algorithm?: AlgorithmName) => string
  /** Runs the command line; an argument `@NAME` stands for the path of a file here. */
  readonly run: (line: string, world?: CliWorld) => Promise<CliResult>
}

/** Makes an empty folder to sign in. */
export function createSigningFolder(): SigningFolder {
  const folder = createTempFolder()
  const path = (name: string): string => join(folder, name)
  const write = (name: string, content: string | Uint8Array): string => {
    writeFileSync(path(name), content)
    return path(name)
  }
  return {
    path,
    write,
    key: (name, algorithm = 'ES256') => {
      const { privateKey, publicKey } = generateKeyPair(algorithm)
      write(`${name}.pub`, publicKey.export({ type: 'spki', format: 'pem' }))
      return write(`${name}.pem`, privateKey.export({ type: 'pkcs8', format: 'pem' }))
    },
    run: async (line, world) => {
      const args = line.split(' ').map((word) => word.replace(/^@/, `${folder}/`))
      const { exitCode, stdout, stderr } = await countersign(args, world)
      return { exitCode, stdout: readable(stdout, folder), stderr: readable(stderr, folder) }
    },
  }
}

function generateKeyPair(algorithm: AlgorithmName): ReturnType<typeof generateKeyPairSync> {
  if (algorithm.startsWith('Ed')) return generateKeyPairSync('ed25519')
  if (!algorithm.startsWith('E')) return generateKeyPairSync('rsa', { modulusLength: 2048 })
  const namedCurve = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[algorithm as 'ES256']
  return generateKeyPairSync('ec', { namedCurve })
}

/** What differs from run to run gets a name. */
function readable(text: string, folder: string): string {
  return text
    .replaceAll(`${folder}/`, '@')
    .replace(/(?<=kid\s+|"kid": ")[\w-]{43}/g, 'KID')
    .replace(/(?<=kid )[\w-]{12}…/g, 'KID…')
}
