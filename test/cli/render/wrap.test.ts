import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { wrapText } from '../../../cli/render/wrap.ts'
import { type CliResult, countersign } from '../../support/cli.ts'
import { createImageScene } from '../../support/image-scene.ts'

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`
const KID = 'T3lFqFDG9yXAC01drEsWlNtKFXHBcz9Q9RLwxjcX2c0'

test.each([
  ['short enough', 80, ['short enough']],
  ['one two three', 20, ['one two three']],
  ['one two three four five', 20, ['one two three four', '  five']],
  [`  release@1  active  ${KID}`, 60, ['  release@1  active', `             ${KID}`]],
  [`PASSED app.tgz ${DIGEST}: signed`, 80, ['PASSED app.tgz', `  ${DIGEST}:`, '  signed']],
  [`PASSED app.tgz ${DIGEST}: signed`, 60, ['PASSED app.tgz', `${DIGEST}:`, '  signed']],
  [`│   ├── ${DIGEST}, 12 B`, 80, [`│   ├── ${DIGEST},`, '│   │     12 B']],
  [
    `hint:  save it first: countersign key export ${KID} --output key.pub`,
    60,
    ['hint:  save it first:', `countersign key export ${KID} --output key.pub`],
  ],
])('%j in %d columns breaks between words', (text, columns, lines) => {
  expect(wrapText(text, columns)).toBe(lines.join('\n'))
})

test('colour takes no column', () => {
  const text = `\u001b[32mPASSED\u001b[0m ${'x'.repeat(13)}`

  expect(wrapText(text, 20)).toBe(text)
})

test('no word is lost, moved or broken, and a line is too long only for one word', () => {
  const words = fc.array(fc.oneof(fc.stringMatching(/^[!-~]{1,30}$/), fc.constant(DIGEST)), {
    minLength: 1,
  })
  fc.assert(
    fc.property(words, fc.integer({ min: 20, max: 120 }), (list, columns) => {
      const wrapped = wrapText(list.join(' '), columns)
      expect(wrapped.split(/\s+/).filter((word) => word !== '')).toEqual(list)
      for (const line of wrapped.split('\n')) {
        expect(line.length <= columns || !line.includes(' ')).toBe(true)
      }
    }),
  )
})

/** What a terminal shows, without colour and progress. */
function shown({ stdout, stderr }: CliResult): string {
  return stripVTControlCharacters(stdout + stderr.replaceAll(/\r[^\r\n]*(?=\r)/g, ''))
}

function wordsOf(text: string): readonly string[] {
  return text.split(/[\s│├└─]+/).filter((word) => word !== '')
}

describe.each([80, 60])('on a terminal of %d columns', (columns) => {
  test.each([
    'key show @release.pub',
    'verify app --key @release.pub',
    'verify app --key @release.pub -v',
    'verify app --key @other.pub',
    'verify app --key @other.pub -v',
    'verify app --key @nowhere.pub',
    'verify app --key @release.pub --type cyclonedx',
    'sign app --key @release.pem --format both',
    'token issue --key @release.pem --issuer https://sign.example.com --audience api',
    'key create @nowhere.pem --dry-run',
    'verify @nowhere.txt --key @release.pub',
    'config check',
    'discover app',
    'doctor @release.pem',
    'config show',
    'log verify @nowhere',
    'trust show',
  ])('what `%s` prints has the words of a pipeline, each whole', async (line) => {
    const { folder, app } = await createImageScene()
    folder.key('other')
    await folder.run(`sign ${app}:v1 --key @release.pem`)
    const args = line
      .replace('app', `${app}:v1`)
      .split(' ')
      .map((word) => word.replace(/^@/, folder.path('')))

    const piped = await countersign(args)
    const terminal = await countersign(args, { typed: [], columns })

    expect(terminal.exitCode).toBe(piped.exitCode)
    expect(wordsOf(shown(terminal))).toEqual(wordsOf(shown(piped)))
    for (const text of shown(terminal).split('\n')) {
      const isWhole = !text.trim().includes(' ') || text.startsWith('countersign ')
      expect(text.length <= columns || isWhole, text).toBe(true)
    }
  })
})
