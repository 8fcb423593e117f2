/** One key of OpenBao, under the references that cosign and countersign share: what either signs, both verify. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { COSIGN, OPENBAO } from '../../tools/interop/peers.ts'
import { CLI } from '../support/command-line.ts'
import { type OpenBaoServer, startTransit } from '../support/openbao.ts'
import { type Cosign, prepareCosign } from './support/cosign.ts'
import { describeWith } from './support/needs.ts'
import { countersign, run } from './support/run.ts'

const REFERENCES = ['hashivault://release', 'openbao://release'] as const

describeWith('a key of OpenBao', [COSIGN, OPENBAO], () => {
  let server: OpenBaoServer
  let cosign: Cosign

  beforeAll(async () => {
    server = await startTransit()
    await server.ask('POST', 'transit/keys/release', { type: 'ecdsa-p256' })
    cosign = prepareCosign()
    vi.stubEnv('VAULT_ADDR', server.address)
    vi.stubEnv('VAULT_TOKEN', server.env['BAO_TOKEN'])
  })

  afterAll(async () => {
    vi.unstubAllEnvs()
    cosign.remove()
    await server[Symbol.asyncDispose]()
  })

  test.each(REFERENCES)('signs a file with cosign as %s, which we verify', async (reference) => {
    const file = join(cosign.folder, `by-cosign-${reference.length}`)
    const bundle = `${file}.sigstore.json`
    writeFileSync(file, reference)

    await cosign.run('sign-blob', ...cosign.signFlags, '--key', reference, '--bundle', bundle, file)

    await countersign(['verify', file, '--key', reference])
    writeFileSync(file, 'changed')
    const refused = await run(process.execPath, [CLI, 'verify', file, '--key', reference])
    expect(refused.stderr + refused.stdout).toContain('ERR_DIGEST_MISMATCH')
  })

  test.each(REFERENCES)('signs a file with us as %s, which cosign verifies', async (reference) => {
    const file = join(cosign.folder, `by-us-${reference.length}`)
    const bundle = `${file}.sigstore.json`
    writeFileSync(file, reference)

    await countersign(['sign', file, '--key', reference])

    const flags = ['--key', reference, '--bundle', bundle, ...cosign.verifyFlags]
    await cosign.run('verify-blob', ...flags, file)
    writeFileSync(file, 'changed')
    expect((await cosign.attempt('verify-blob', ...flags, file)).status).not.toBe(0)
  })
})
