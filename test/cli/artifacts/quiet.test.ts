import { expect, test } from 'vitest'
import { createImageScene } from '../../support/image-scene.ts'

test.each([
  ['sign @app.txt --key @release.pem'],
  ['attest @app.txt --key @release.pem --type cyclonedx --predicate @sbom.json'],
  ['key create @other.pem --no-passphrase'],
  ['key show @release.pub'],
  ['key export @release.pub'],
  ['sign IMAGE:v1 --key @release.pem'],
  ['discover IMAGE:v1'],
  ['config check @countersign.yaml'],
  ['doctor'],
  ['completion bash'],
  ['token issue --key @release.pem --issuer https://a.example --audience b --subject c'],
])('%s -q prints nothing beside its result', async (line) => {
  const { folder, app } = await createImageScene()
  folder.write('app.txt', 'hello\n')
  folder.write('countersign.yaml', 'issuer: https://a.example\n')

  const { exitCode, stderr, stdout } = await folder.run(`${line.replace('IMAGE', app)} -q`)

  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout).not.toBe('')
})

test.each([
  ['sign @app.txt --key @nowhere.pem'],
  ['sign @nowhere.txt --key @release.pem'],
  ['attest @app.txt --key @release.pem'],
  ['verify @app.txt --key @release.pub'],
  ['verify IMAGE:v1 --key @release.pub'],
  ['verify IMAGE:v1 --key @release.pub -v'],
  ['key show @nowhere.pub'],
  ['key create @release.pem'],
  ['discover IMAGE:v2'],
  ['download @app.txt'],
  ['log show @nowhere'],
  ['log verify @nowhere'],
  ['trust show'],
  ['token verify @nowhere --audience a'],
  ['config show --config @nowhere.yaml'],
  ['policy check @nowhere'],
  ['serve --config @nowhere.yaml'],
  ['verfy'],
])('%s -q prints one line: what happened', async (line) => {
  const { folder, app } = await createImageScene()
  folder.write('app.txt', 'hello\n')
  const command = line.replace('IMAGE', app)

  const quiet = await folder.run(`${command} -q`)
  const usual = await folder.run(command)

  expect(quiet.exitCode).toBe(usual.exitCode)
  expect(quiet.exitCode).not.toBe(0)
  expect(quiet.stderr).toMatch(/^(error:|FAILED) [^\n]+ \[ERR_[A-Z_]+\]\n$/)
  const [code = ''] = /\[ERR_\w+\]/.exec(quiet.stderr) ?? []
  expect(usual.stderr).toContain(code)
})
