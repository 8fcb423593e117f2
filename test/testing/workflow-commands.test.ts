import { expect, test } from 'vitest'
import { parseCommands, parseFileCommands } from '../../src/testing.ts'

test('a mask hides later output, not earlier', () => {
  const { visible, masks } = parseCommands('a secret\n::add-mask::secret\nthe secret')

  expect(visible).toBe('a secret\nthe ***')
  expect(masks).toEqual(['secret'])
})

test('of two masks the longer one hides first, and an empty one hides nothing', () => {
  const { visible } = parseCommands('::add-mask::\n::add-mask::ab\n::add-mask::abc\nabcd ab')

  expect(visible).toBe('***d ***')
})

test('an annotation has its title, its place and its text, unmasked never', () => {
  const line = '::add-mask::pin\n  ::error file=a%2Cb.ts,line=3,title=No%3A entry::pin%0Ax%2C'

  expect(parseCommands(line).annotations).toEqual([
    {
      level: 'error',
      title: 'No: entry',
      message: '***\nx%2C',
      properties: { file: 'a,b.ts', line: '3' },
    },
  ])
})

test('between stop-commands and its token everything is text', () => {
  const { visible, annotations } = parseCommands(
    '::stop-commands::x1\n::error::a\n::x1::\n::notice::b\n::debug::c\n::group::d',
  )

  expect(visible).toBe('::error::a\n::group::d')
  expect(annotations).toMatchObject([{ level: 'notice', message: 'b' }])
})

test('the older form is a command anywhere in a line, and U+0085 before the newer one is a blank', () => {
  const log =
    'app ##[error file=a.ts;line=3;title=a%3Bb]broken%5D\n\u0085::notice::seen\n##[group]x'

  expect(parseCommands(log)).toMatchObject({
    annotations: [
      { level: 'error', title: 'a;b', properties: { file: 'a.ts', line: '3' }, message: 'broken]' },
      { level: 'notice', message: 'seen' },
    ],
    visible: '##[group]x',
  })
})

test('a lone carriage return ends a line, as it does for a runner', () => {
  expect(parseCommands('text\r::warning::a').annotations).toHaveLength(1)
})

test('files hold values on one line and on several, and the last one counts', () => {
  const file = 'a=1<<2\nb<<END\nx=y\n\nEND\nc<d=e\n\na=3=4\n'

  expect(parseFileCommands(file)).toEqual({ a: '3=4', b: 'x=y\n', 'c<d': 'e' })
})

test.each(['text', '=value', '<<END\nEND', 'a<<END\nvalue', 'a<<\nvalue\n'])(
  'a file that makes a runner fail the step is refused: %j',
  (content) => {
    expect(() => parseFileCommands(content)).toThrow(SyntaxError)
  },
)
