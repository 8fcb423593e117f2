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
