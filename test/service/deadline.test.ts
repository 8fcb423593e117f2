import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import { createService, CREDENTIALS } from '../support/service.ts'

test('work is aborted when its caller disconnects', async () => {
  await using app = await createService()
  const started = Promise.withResolvers<AbortSignal>()
  app.post('/work', (request) => {
    started.resolve(request.deadline)
    return new Promise(() => undefined)
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  const socket = connect(address.port, '127.0.0.1')
  socket.write(
    `POST /work HTTP/1.1\r\nhost: x\r\nauthorization: ${CREDENTIALS.authorization}\r\ncontent-length: 0\r\n\r\n`,
  )
  const deadline = await started.promise
  expect(deadline.aborted).toBe(false)

  socket.destroy()
  await once(deadline, 'abort')

  expect(CountersignError.is(deadline.reason, 'ERR_CANCELLED')).toBe(true)
})
