import { spawnSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { expect, test } from 'vitest'
import { withHeaders } from '../../tools/test/native-addon.ts'
import { readProjectFile } from '../support/project.ts'
import { runnableBlocks } from '../support/shell-blocks.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const page = readProjectFile('docs/install.md')
/** Three installations, each with its dependencies. */
const INSTALLING_MS = 600_000

test('docs/install.md names the tarball and the versions of Node that this version has', () => {
  const { name, version, engines } = JSON.parse(readProjectFile('package.json')) as {
    readonly name: string
    readonly version: string
    readonly engines: { readonly node: string }
  }

  const named = new Set(page.match(/[\w-]+-\d+\.\d+\.\d+\.tgz/g))
  expect([...named]).toEqual([`${name}-${version}.tgz`])
  expect(engines.node).toBe('^24.15.0 || >=26')
  expect(page).toContain('Node.js 24 (24.15.0 or newer) or 26 and newer')
})

test(
  'the commands of docs/install.md install the packed package',
  (context) => {
    const tarball = process.env['COUNTERSIGN_TEST_TARBALL']
    context.skip(tarball === undefined, 'npm run check packs what docs/install.md installs')
    const folder = createTempFolder()
    copyFileSync(tarball ?? '', join(folder, basename(tarball ?? '')))
    const prefix = join(folder, 'global')
    const env = {
      ...withHeaders(process.env),
      HOME: folder,
      PATH: [join(prefix, 'bin'), process.env['PATH']].join(delimiter),
      npm_config_prefix: prefix,
      npm_config_cache: process.env['npm_config_cache'] ?? join(process.env['HOME'] ?? '', '.npm'),
      npm_config_prefer_offline: 'true',
    }

    // In order and in one folder, as a reader does.
    for (const { script, line } of runnableBlocks(page)) {
      const run = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
        cwd: folder,
        env,
        encoding: 'utf8',
      })
      expect(run.status, `line ${line}: ${run.stdout}${run.stderr}`).toBe(0)
    }
  },
  INSTALLING_MS,
)
