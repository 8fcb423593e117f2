/** An image layout whose folders or index are links to places that its author may not write to. */
import { cpSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createLayout } from '../support/image-layout.ts'
import { createSigningFolder } from '../support/signing-folder.ts'
import { createImage } from '../support/oci-content.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const image = createImage()

/** Moves a part of a layout elsewhere and links to it. */
function linkAway(layout: string, name: string): string {
  const elsewhere = join(createTempFolder(), 'elsewhere')
  renameSync(join(layout, name), elsewhere)
  symlinkSync(elsewhere, join(layout, name))
  return elsewhere
}

function contentOf(path: string): readonly string[] {
  return statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true }).map(String).toSorted()
    : [readFileSync(path, 'utf8')]
}

test.each(['blobs', 'blobs/sha256', 'index.json'])(
  'nothing is written to a layout whose %s is a link, and reading it goes on',
  async (name) => {
    const folder = createSigningFolder()
    folder.key('release')
    const layout = createLayout({ image })
    const elsewhere = linkAway(layout, name)
    const before = contentOf(elsewhere)

    for (const format of ['bundle', 'legacy']) {
      const result = await folder.run(
        `sign oci-layout://${layout} --key @release.pem --format ${format}`,
      )
      expect(result.exitCode).toBe(2)
      expect(result.stderr).toContain('ERR_FILE_WRITE')
    }
    const verified = await folder.run(`verify oci-layout://${layout} --key @release.pub`)

    expect(verified.stderr).toContain('ERR_SIGNATURE_NOT_FOUND')
    expect(contentOf(elsewhere)).toEqual(before)
    expect(readdirSync(layout).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout'])
  },
)

test('a layout behind a link is written to if the user named the link', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  cpSync(createLayout({ image }), folder.path('real'), { recursive: true })
  symlinkSync(folder.path('real'), folder.path('layout'))

  const { exitCode } = await folder.run(
    `sign oci-layout://${folder.path('layout')} --key @release.pem`,
  )

  expect(exitCode).toBe(0)
})
