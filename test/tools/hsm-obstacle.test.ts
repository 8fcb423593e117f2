import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findHsmObstacle } from '../../tools/quickstart/hsm-obstacle.ts'
import { CLI } from '../support/command-line.ts'
import { createTempFolder } from '../support/temp-folder.ts'

test('a command line without pkcs11js cannot use an HSM, and npm ci is the remedy', () => {
  const obstacle = findHsmObstacle(join(createTempFolder(), 'main.js'))

  expect(obstacle?.reason).toContain('pkcs11js')
  expect(obstacle?.remedy).toContain('npm ci')
})

test('nothing keeps the command line from SoftHSM here', () => {
  expect(findHsmObstacle(CLI)).toBeUndefined()
})
