/** Bundles of an earlier name of the transparency log, verified by cosign with the trusted root of now. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { COSIGN } from '../../tools/interop/peers.ts'
import { createFolder, live, renameLogs } from '../support/older-store.ts'
import { runServer, type TestServer } from '../support/server.ts'
import { prepareCosign } from './support/cosign.ts'
import { describeWith } from './support/needs.ts'
import { digestOf } from './support/proving-service.ts'

const FILE = Buffer.from('a release file\n')
const TYPE = 'https://sigstore.dev/cosign/sign/v1'

async function release({ address }: TestServer, authorization: string): Promise<object> {
  const answer = await fetch(`${address}/v1/keys/release/signatures`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ artifacts: [{ digest: digestOf(FILE), kind: 'file' }] }),
  })
  const { results } = (await answer.json()) as { results: [{ bundle: object }] }
  return results[0].bundle
}

async function textOf({ address }: TestServer, path: string): Promise<string> {
  return (await fetch(`${address}${path}`)).text()
}

describeWith('cosign', [COSIGN], () => {
  test('verifies bundles of the log under its earlier name and its new one', async () => {
    const cosign = prepareCosign()
    const folder = createFolder()
    const bundles: object[] = []
    await live(folder, async (_, server) => {
      bundles.push(await release(server, folder.authorization))
    })
    renameLogs(folder)
    const server = await runServer(folder, { newLog: true })
    bundles.push(await release(server, folder.authorization))
    const write = (name: string, content: string): string => {
      const path = join(cosign.folder, name)
      writeFileSync(path, content)
      return path
    }
    const active = server.versions.find(({ key, state }) => key === 'release' && state === 'active')
    const kid = active?.publicKey.kid ?? ''
    const trust = [
      ...['--key', write('release.pub', await textOf(server, `/keys/${kid}.pem`))],
      ...['--trusted-root', write('root.json', await textOf(server, '/trust/trusted-root.json'))],
      ...['--use-signed-timestamps', '--type', TYPE],
    ]

    for (const bundle of bundles) {
      const files = ['--bundle', write('bundle.json', JSON.stringify(bundle))]
      const file = write('app', FILE.toString())
      const ended = await cosign.attempt('verify-blob-attestation', ...trust, ...files, file)
      expect(ended).toMatchObject({ status: 0 })
    }
    cosign.remove()
  })
})
