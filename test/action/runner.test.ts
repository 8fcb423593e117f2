import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { code, escapeMarkdown } from '../../action/markdown.ts'
import { createStepLog, type StepLog, writeOutputs } from '../../action/runner.ts'
import { parseCommands, parseFileCommands } from '../../src/testing.ts'
import { codeOfAsync } from '../support/errors.ts'
import { createTempFolder } from '../support/temp-folder.ts'

function logOf(write: (log: StepLog) => void): ReturnType<typeof parseCommands> {
  const said: string[] = []
  write(createStepLog((text) => said.push(text)))
  return parseCommands(said.join(''))
}

test('untrusted text never becomes a command', () => {
  const log = logOf((step) => {
    step.say('one\n::add-mask::a\r::error::b\n  ##[error]c')
  })

  expect(log).toMatchObject({ masks: [], annotations: [] })
})

const text = fc.string({ unit: fc.constantFrom(...Array.from('ab:%,;=é鍵 \n')) })

test('every text of an annotation arrives as it was, but for commands and what cannot be seen', () => {
  fc.assert(
    fc.property(text, fc.constantFrom('a title', 'a: b, c=d%'), (said, title) => {
      const message = said.replaceAll('::', '')
      const { annotations } = logOf((step) => {
        step.annotate('warning', title, message)
      })
      expect(annotations).toEqual([{ level: 'warning', title, message, properties: {} }])
    }),
  )
})

test('no text, in any characters, becomes a command or an extra line', () => {
  const unit = fc.constantFrom(
    ...Array.from('#[]: \n\r\t\u0085\u00ad\u034f\u2028\ufeffa'),
    'error',
    'add-mask',
  )
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 30 }), (said) => {
      const lines: string[] = []
      createStepLog((line) => lines.push(line)).say(said)
      const { masks, annotations } = parseCommands(lines.join('').replaceAll(/[\p{M}]/gu, ''))
      expect([masks, annotations]).toEqual([[], []])
      expect(lines.join('').split(/[\r\n\u0085\u2028\u2029]/)).toHaveLength(
        said.split('\n').length + 1,
      )
    }),
  )
})

test('a secret is masked line by line, and blank lines mask nothing', () => {
  const { masks } = logOf((step) => {
    step.mask('first\n\nsecond%')
  })

  expect(masks).toEqual(['first', 'second%'])
})

test('outputs of several lines arrive as they were', async () => {
  const path = join(createTempFolder(), 'output')

  await writeOutputs({ one: 'a\nb', two: '', three: 'x=y' }, { GITHUB_OUTPUT: path })

  expect(parseFileCommands(readFileSync(path, 'utf8'))).toEqual({
    one: 'a\nb',
    two: '',
    three: 'x=y',
  })
})

test('a full disk is reported', async () => {
  const write = (): Promise<void> => writeOutputs({ one: '1' }, { GITHUB_OUTPUT: '/dev/full' })

  expect(await codeOfAsync(write)).toBe('ERR_FILE_WRITE')
})

test('no text of others is markup in a summary', () => {
  const hostile = '</code><img src=x>|`[a](javascript:b)`\n# head'

  expect(code(hostile)).not.toMatch(/<img|\||`|\n/)
  expect(escapeMarkdown('[a](b) **c**')).not.toMatch(/[[\]*]/)
})
