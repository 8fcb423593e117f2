/** The service as its own description says it, asked by a tool that reads nothing else. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { SCHEMATHESIS } from '../../tools/interop/peers.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { startServiceProcess } from '../support/service-process.ts'
import { describeWith, folderOf } from './support/needs.ts'
import { run } from './support/run.ts'

/** A wrong method gets 404 here and not 405, and the schema does not describe valid digests. */
const CHECKS = [
  ...['not_a_server_error', 'status_code_conformance', 'content_type_conformance'],
  ...['response_headers_conformance', 'response_schema_conformance', 'negative_data_rejection'],
]

describeWith('schemathesis', [SCHEMATHESIS], () => {
  test('finds no failure of the service, and no answer its description does not have', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-schemathesis-'))
    onTestFinished(() => {
      rmSync(folder, { recursive: true, force: true })
    })
    // A service of its own, since keys are revoked and destroyed too.
    const service = writeServiceFolder({
      folder,
      keys: { release: { use: 'artifact' }, sessions: { use: 'token' } },
    })
    await using replica = await startServiceProcess(service)

    const { status, stdout, stderr } = await run(
      'env',
      [
        // It keeps notes in the folder that it is started in.
        ...['-C', folder, join(folderOf(SCHEMATHESIS), 'venv/bin/st')],
        ...['run', `${replica.url}/openapi.json`, '--url', replica.url],
        ...['--header', `Authorization: ${service.authorization}`],
        ...['--phases', 'examples,coverage,fuzzing', '--checks', CHECKS.join(',')],
        // The same requests each time: a failing build means that we changed something.
        ...['--generation-deterministic', '--max-examples', '10', '--no-color'],
      ],
      { HOME: folder },
    )

    expect(status, `${stdout}${stderr}`).toBe(0)
    expect(stdout).toMatch(/\b[1-9]\d{2,} generated, [1-9]\d{2,} passed/)
    expect((await fetch(`${replica.url}/healthz`)).status).toBe(200)
    expect(replica.log()).not.toContain('ERR_INTERNAL')
  })
})
