import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { expect, test } from 'vitest'
import {
  aptGetCommand,
  installAdvice,
  missingPackages,
  versionFolders,
} from '../../tools/test/packages.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const SOFTHSM = { name: 'softhsm2', command: 'softhsm2-util' }
const REGISTRY = { name: 'docker-registry', command: 'docker-registry' }

test('a package is missing when its command is nowhere on the search path', () => {
  const folder = createTempFolder()
  writeFileSync(join(folder, 'softhsm2-util'), '#!/bin/sh\n')
  chmodSync(join(folder, 'softhsm2-util'), 0o755)
  const searchPath = ['/no-such-folder', folder].join(delimiter)

  expect(missingPackages([SOFTHSM, REGISTRY], searchPath)).toEqual([REGISTRY])
})

test('a file that is not executable is not a command', () => {
  const folder = createTempFolder()
  writeFileSync(join(folder, 'docker-registry'), '', { mode: 0o644 })

  expect(missingPackages([REGISTRY], folder)).toEqual([REGISTRY])
})

test('a command in the folder of its version is not missing', () => {
  const root = createTempFolder()
  const postgres = { name: 'postgresql', command: 'initdb', versions: root }
  const before = missingPackages([postgres], '/no-such-folder')
  mkdirSync(join(root, '15', 'bin'), { recursive: true })
  writeFileSync(join(root, '15', 'bin', 'initdb'), '', { mode: 0o755 })

  expect([before, missingPackages([postgres], '/no-such-folder')]).toEqual([[postgres], []])
})

test('a command that only root has on the search path is not missing', () => {
  const folder = createTempFolder()
  writeFileSync(join(folder, 'nginx'), '', { mode: 0o755 })

  expect(missingPackages([{ name: 'nginx', command: 'nginx', folder }], '/no-such-folder')).toEqual(
    [],
  )
})

test('the newest version comes first, by its number', () => {
  const root = createTempFolder()
  for (const name of ['9', '15', 'common']) mkdirSync(join(root, name))

  expect(versionFolders(root)).toEqual([join(root, '15', 'bin'), join(root, '9', 'bin')])
})

test('root runs apt-get itself, unattended', () => {
  const command = aptGetCommand(['install', 'x'], { aptGet: true, root: true, sudo: false })

  expect(command).toEqual(['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', 'install', 'x'])
})

test('another user runs apt-get through a sudo that asks for nothing', () => {
  const command = aptGetCommand(['update'], { aptGet: true, root: false, sudo: true })

  expect(command?.slice(0, 2)).toEqual(['sudo', '-n'])
})

test('apt-get is never run without permission or where it is missing', () => {
  expect(aptGetCommand([], { aptGet: true, root: false, sudo: false })).toBeUndefined()
  expect(aptGetCommand([], { aptGet: false, root: true, sudo: false })).toBeUndefined()
})

test('the advice names exactly the missing packages and the command that installs them', () => {
  const advice = installAdvice([SOFTHSM, REGISTRY], { aptGet: true, root: false, sudo: false })

  expect(advice).toContain('sudo apt-get install softhsm2 docker-registry')
})

test('the advice names the missing commands if apt-get is missing', () => {
  const advice = installAdvice([SOFTHSM], { aptGet: false, root: false, sudo: false })

  expect(advice).toContain('softhsm2-util')
})
