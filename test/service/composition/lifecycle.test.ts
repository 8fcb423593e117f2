import { expect, test } from 'vitest'
import { CountersignError } from '../../../src/errors.ts'
import { Lifecycle } from '../../../src/service/composition/lifecycle.ts'
import { codeOfAsync } from '../../support/errors.ts'

/** Something that says when it is stopped, and fails then if it shall. */
function thing(name: string, stopped: string[], error?: CountersignError): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: () => {
      stopped.push(name)
      return error === undefined ? Promise.resolve() : Promise.reject(error)
    },
  }
}

test('the part started last stops first', async () => {
  const stopped: string[] = []
  const lifecycle = new Lifecycle()
  lifecycle.own(thing('store', stopped))
  lifecycle.own(thing('log', stopped))

  await lifecycle.stop()
  await lifecycle.stop()

  expect(stopped).toEqual(['log', 'store'])
})

test('one that fails to stop does not keep the others running', async () => {
  const stopped: string[] = []
  const lifecycle = new Lifecycle()
  lifecycle.own(thing('store', stopped))
  lifecycle.own(thing('log', stopped, new CountersignError('ERR_LOG_UNAVAILABLE', 'full')))

  const code = await codeOfAsync(() => lifecycle.stop())

  expect(code).toBe('ERR_LOG_UNAVAILABLE')
  expect(stopped).toEqual(['log', 'store'])
})

test('a part that does not stop is named, and the rest is told to stop', async () => {
  const stopped: string[] = []
  const deadline = new AbortController()
  const lifecycle = new Lifecycle()
  lifecycle.own(thing('store', stopped), 'the store')
  lifecycle.own({ [Symbol.asyncDispose]: () => new Promise(() => undefined) }, 'the log')
  const stopping = lifecycle.stop(deadline.signal)
  deadline.abort()

  await expect(stopping).rejects.toMatchObject({
    code: 'ERR_TIMEOUT',
    message: 'did not stop in time: the log',
  })
  expect(stopped).toEqual(['store'])
})

test('what does not stop inside of a part is named in its place', async () => {
  const deadline = new AbortController()
  const inner = new Lifecycle()
  inner.own({ [Symbol.asyncDispose]: () => new Promise(() => undefined) }, 'the keyring')
  const lifecycle = new Lifecycle()
  lifecycle.ownStoppable('the service', (signal) => inner.stop(signal))
  const stopping = lifecycle.stop(deadline.signal)
  deadline.abort()

  await expect(stopping).rejects.toMatchObject({ message: 'did not stop in time: the keyring' })
})
