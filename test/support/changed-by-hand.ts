/** Changes the file of a store behind the back of the service that runs on it. */
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'

const TRIES = 200

/** Runs SQL in one transaction; waits for its turn without keeping the service from finishing its own. */
export async function changeByHand(file: string, sql: string): Promise<void> {
  const database = new DatabaseSync(file)
  try {
    for (let left = TRIES; !begins(database, left); left -= 1) await delay(10)
    database.exec(sql)
    database.exec('commit')
  } finally {
    database.close()
  }
}

function begins(database: DatabaseSync, left: number): boolean {
  try {
    database.exec('begin immediate')
    return true
  } catch (error) {
    if (left > 0 && String(error).includes('locked')) return false
    throw error
  }
}
