import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  FrameReader,
  MAX_MESSAGE_BYTES,
  serializeFrame,
} from '../../../../src/providers/pkcs11/protocol/frames.ts'

test('messages are read as they were written, however the pipe cuts them', () => {
  const message = fc.record({ text: fc.string(), count: fc.nat() })
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 })

  fc.assert(
    fc.property(fc.array(message), cuts, (messages, sizes) => {
      const bytes = Buffer.concat(messages.map(serializeFrame))
      const reader = new FrameReader()
      const read: unknown[] = []
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const end = at + (sizes[turn % sizes.length] ?? 1)
        read.push(...reader.push(bytes.subarray(at, end)))
        at = end
      }
      expect(read).toEqual(messages)
    }),
  )
})

test('a message that announces too many bytes is refused before it is read', () => {
  const header = Buffer.alloc(4)
  header.writeUInt32BE(MAX_MESSAGE_BYTES + 1)

  expect(() => new FrameReader().push(header)).toThrow(RangeError)
})

test('a message that is too long is not sent', () => {
  expect(() => serializeFrame({ text: 'x'.repeat(MAX_MESSAGE_BYTES) })).toThrow(RangeError)
})

test('what is not JSON is refused', () => {
  const frame = Buffer.concat([Buffer.from([0, 0, 0, 3]), Buffer.from('{"a')])

  expect(() => new FrameReader().push(frame)).toThrow(
    expect.objectContaining({ code: 'ERR_JSON_INVALID' }) as Error,
  )
})
