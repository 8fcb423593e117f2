import { join } from 'node:path'
import { createTempFolder } from '../support/temp-folder.ts'
import { testStore } from './store-contract.ts'

testStore('SQLite in a file', () =>
  Promise.resolve(`sqlite:${join(createTempFolder(), 'store.db')}`),
)

testStore('SQLite in memory', () => Promise.resolve('sqlite::memory:'))
