import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { PROJECT } from '../support/project.ts'
import { createTempFolder } from '../support/temp-folder.ts'

/** Some thirty processes, beside the other tests. */
const BUSY_MACHINE_MS = 180_000

test(
  'the quickstart ends as documented, and leaves nothing behind',
  () => {
    const folder = createTempFolder()

    const { status, stdout, stderr } = spawnSync(process.execPath, ['tools/quickstart/main.ts'], {
      cwd: PROJECT,
      env: { ...process.env, TMPDIR: folder },
      encoding: 'utf8',
    })

    expect(stderr).not.toContain('expected was')
    expect(status).toBe(0)
    const chapters = stdout.split('\n').filter((line) => /^\d\. /.test(line))
    expect(chapters).toHaveLength(8)
    const ends = [...stdout.matchAll(/exit status (\d), as it must/g)].map(([, code]) => code)
    expect(ends).toEqual(['3', '4', '3', '6', '8', '6'])
    expect(stdout).toMatch(/^accepted: \{"sub":"alice"/m)
    expect(stdout).toMatch(/^ {2}pairs +all \d+ are in the transparency log, which has no others$/m)
    expect(stdout).toContain('All of it ended as told')
    expect(readdirSync(folder)).toEqual([])
  },
  BUSY_MACHINE_MS,
)
