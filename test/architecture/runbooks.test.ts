import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { expect, test } from 'vitest'
import { putCommandInto, runCli } from '../support/command-line.ts'
import { listProjectFiles, readProjectFile } from '../support/project.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { startServiceProcess } from '../support/service-process.ts'
import { runnableBlocks } from '../support/shell-blocks.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const TOKEN = 'docs/runbooks/token.md'
const runbooks = listProjectFiles('docs/runbooks/*.md').filter((path) => path !== TOKEN)

test.each(runbooks)('%s says how to get a token', (path) => {
  const text = readProjectFile(path)

  expect(text).toContain('](token.md)')
  expect(text.split('](token.md)')).toHaveLength(2)
})

test('the emergency issuer of the runbook stops a key while no identity provider answers', async () => {
  const folder = createTempFolder()
  const page = readProjectFile(TOKEN)
  const [prepare, issue, ...others] = runnableBlocks(page)
  const policies = /^```cedar\n(.*?)^```$/ms.exec(page)?.[1] ?? ''
  putCommandInto(join(folder, '.bin'))
  const env = { ...process.env, PATH: [join(folder, '.bin'), process.env['PATH']].join(delimiter) }
  const run = (script = 'exit 9'): void => {
    const done = spawnSync('bash', ['-euo', 'pipefail', '-c', script], { cwd: folder, env })
    expect(done.status, String(done.stderr)).toBe(0)
  }
  run(prepare?.script)
  const service = writeServiceFolder({
    folder,
    keys: { sessions: { use: 'token' } },
    policies,
    access: {
      issuers: [
        { issuer: 'https://idp.example.com' },
        { issuer: 'https://emergency.example.com', jwks: join(folder, 'emergency-jwks.json') },
      ],
    },
  })
  await using replica = await startServiceProcess(service)
  run(issue?.script)

  const token = join(folder, 'token')
  const call = (...args: string[]) =>
    runCli(['key', ...args, '--server', replica.url, '--token-file', token])
  const listed = await call('list')
  const revoked = await call('revoke', 'sessions', '--mode', 'flush', '--confirm', 'sessions')
  const refused = await call('retire', 'sessions', '--confirm', 'sessions')
  writeFileSync(token, 'not-a-token')
  const unknown = await call('list')

  expect(others).toEqual([])
  expect(listed.stdout, listed.stderr).toContain('sessions')
  expect(revoked.exitCode, revoked.stderr).toBe(0)
  expect(refused.stderr).toContain('[ERR_NOT_ALLOWED]')
  expect(unknown.stderr).toContain('[ERR_NOT_AUTHENTICATED]')
})
