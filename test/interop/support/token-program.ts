import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { GO_OIDC, PYJWT } from '../../../tools/interop/peers.ts'
import { PROJECT } from '../../support/project.ts'
import { folderOf, type Need } from './needs.ts'

/** Whose tokens a program verifies. */
export interface Expectation {
  readonly jwksUrl: string
  readonly issuer: string
  readonly audience: string
  readonly algorithm: string
}

/** A program of others that verifies tokens, running, with what it remembers of key sets. */
export interface TokenProgram extends AsyncDisposable {
  /** `accepted`, or what it says against the token. */
  verify(token: string): Promise<string>
}

/** A verifier in another language. */
export interface ForeignVerifier {
  readonly name: string
  readonly needs: readonly Need[]
  readonly start: (expectation: Expectation) => TokenProgram
}

/** coreos/go-oidc and PyJWT, each with the cache it has by itself. */
export const FOREIGN_VERIFIERS: readonly ForeignVerifier[] = [
  {
    name: 'go-oidc',
    needs: [GO_OIDC],
    start: (expectation) => startProgram([join(folderOf(GO_OIDC), 'verify')], expectation),
  },
  {
    name: 'PyJWT',
    needs: [PYJWT],
    start: (expectation) => {
      const python = join(folderOf(PYJWT), 'venv/bin/python')
      return startProgram([python, join(PROJECT, 'tools/interop/pyjwt/main.py')], expectation)
    },
  },
]

function startProgram(
  [command = '', ...args]: readonly string[],
  { jwksUrl, issuer, audience, algorithm }: Expectation,
): TokenProgram {
  const child = spawn(command, [...args, jwksUrl, issuer, audience, algorithm], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    verify: async (token) => {
      child.stdin.write(`${token}\n`)
      const answer = await answers.next()
      return answer.done === true ? 'the program has ended' : answer.value
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null) return
      child.stdin.end()
      await once(child, 'exit')
    },
  }
}
