// `npm run screenshots`: runs real commands and draws what a terminal shows into docs/images; with --check it compares
// instead, and fails on a difference.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROJECT } from '../../test/support/project.ts'
import { play, prepare, SCENES } from './scenes.ts'
import { renderSvg } from './svg.ts'

const isCheck = process.argv.includes('--check')
const folder = mkdtempSync(join(tmpdir(), 'countersign-screenshots-'))
try {
  prepare(folder)
  process.chdir(folder)
  for (const scene of SCENES) {
    const name = `docs/images/${scene.name}.svg`
    const drawn = renderSvg(scene.title, await play(scene, folder))
    keep(name, drawn)
  }
} finally {
  process.chdir(PROJECT)
  rmSync(folder, { recursive: true })
}

function keep(name: string, drawn: string): void {
  const path = join(PROJECT, name)
  const isSame = existsSync(path) && readFileSync(path, 'utf8') === drawn
  if (!isCheck) {
    writeFileSync(path, drawn)
    console.log(`${name}: ${isSame ? 'unchanged' : 'written'}`)
  } else if (!isSame) {
    console.error(`${name} is not what its commands print: run npm run screenshots`)
    process.exitCode = 1
  }
}
