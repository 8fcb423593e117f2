import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import type { Credentials } from '../../src/oci/auth-file.ts'
import { authFilePaths, createCredentialSource } from '../../src/oci/credentials.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const GHCR = { registry: 'ghcr.io', repository: 'acme/app' }

/** A home directory, a PATH with helpers, and the environment that names them. */
class Home {
  readonly folder = createTempFolder()
  readonly variables: Record<string, string> = { PATH: `${this.folder}/bin:/usr/bin:/bin` }

  write(path: string, content: unknown): void {
    const file = join(this.folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  }

  /** Puts `docker-credential-NAME` on PATH; it notes what it was asked. */
  writeHelper(name: string, script: string): void {
    const path = `bin/docker-credential-${name}`
    this.write(
      path,
      `#!/bin/sh\nread -r server\necho "$1 $server" >> ${this.folder}/asked\n${script}\n`,
    )
    chmodSync(join(this.folder, path), 0o755)
  }

  find(target = GHCR, timeoutMs?: number): Promise<Credentials | undefined> {
    const { folder: homeDirectory, variables } = this
    return createCredentialSource({ homeDirectory, variables, timeoutMs })(target)
  }
}

const encoded = (text: string): { auth: string } => ({
  auth: Buffer.from(text).toString('base64'),
})
const answer = (username: string, secret: string): string =>
  `echo '${JSON.stringify({ ServerURL: 'x', Username: username, Secret: secret })}'`

test('files are read in the order Docker, REGISTRY_AUTH_FILE, session, home', () => {
  const variables = {
    DOCKER_CONFIG: '/docker',
    REGISTRY_AUTH_FILE: '/auth.json',
    XDG_RUNTIME_DIR: '/run/user/1',
  }

  expect(authFilePaths({ homeDirectory: '/people/me', variables })).toEqual([
    '/docker/config.json',
    '/auth.json',
    '/run/user/1/containers/auth.json',
    '/people/me/.config/containers/auth.json',
  ])
  expect(authFilePaths({ homeDirectory: '/people/me', variables: {} })).toEqual([
    '/people/me/.docker/config.json',
    '/people/me/.config/containers/auth.json',
  ])
})

test('without any file there are no credentials', async () => {
  expect(await new Home().find()).toBeUndefined()
})

test.each<[string, object, object]>([
  ['a base64 pair', encoded('me:pass:word'), { username: 'me', password: 'pass:word' }],
  ['a padded password', encoded('me:secret\0\0'), { username: 'me', password: 'secret' }],
  ['separate members', { username: 'me', password: 's' }, { username: 'me', password: 's' }],
  [
    'an identity token, whatever else is there',
    { ...encoded('00000000:'), identitytoken: 'token' },
    { kind: 'identity-token', token: 'token' },
  ],
])('a docker config holds %s', async (_what, entry, expected) => {
  const home = new Home()
  home.write('.docker/config.json', { auths: { 'ghcr.io': entry } })

  const found = await home.find()

  expect(found).toMatchObject(expected)
  expect(found?.source).toBe(join(home.folder, '.docker/config.json'))
})

test.each(['docker.io', 'index.docker.io', 'https://index.docker.io/v1/', 'registry-1.docker.io'])(
  'Docker Hub is found under %s',
  async (key) => {
    const home = new Home()
    home.write('.docker/config.json', { auths: { [key]: encoded('me:s') } })

    const found = await home.find({ registry: 'docker.io', repository: 'library/debian' })

    expect(found).toMatchObject({ username: 'me' })
  },
)

test.each(['https://ghcr.io', 'https://ghcr.io/v2/', 'ghcr.io/v1/', 'ghcr.io/'])(
  'a registry is found under its address %s',
  async (key) => {
    const home = new Home()
    home.write('.docker/config.json', { auths: { [key]: encoded('me:s') } })

    expect(await home.find()).toMatchObject({ username: 'me' })
  },
)

test.each(['hcr.io', 'evil.ghcr.io', 'ghcr.io.evil', 'ghcr.io:443', 'ghcr', '', 'ghcr.io/acme/ap'])(
  'credentials of "%s" are not those of ghcr.io/acme/app',
  async (key) => {
    const home = new Home()
    home.write('.docker/config.json', { auths: { [key]: encoded('me:s') } })

    expect(await home.find()).toBeUndefined()
  },
)

test('the most specific of several keys of a repository counts', async () => {
  const home = new Home()
  home.variables['REGISTRY_AUTH_FILE'] = join(home.folder, 'auth.json')
  home.write('auth.json', {
    auths: {
      'ghcr.io/acme': encoded('account:s'),
      'ghcr.io/acme/app': encoded('repository:s'),
      'ghcr.io': encoded('registry:s'),
    },
  })

  expect(await home.find()).toMatchObject({ username: 'repository' })
  const other = { registry: 'ghcr.io', repository: 'acme/other' }
  expect(await home.find(other)).toMatchObject({ username: 'account' })
  const neighbour = { registry: 'ghcr.io', repository: 'acmeto/app' }
  expect(await home.find(neighbour)).toMatchObject({ username: 'registry' })
})

test('a file without the registry leads to the next', async () => {
  const home = new Home()
  home.variables['XDG_RUNTIME_DIR'] = join(home.folder, 'run')
  home.write('.docker/config.json', { auths: { 'quay.io': encoded('other:s') } })
  home.write('run/containers/auth.json', { auths: { 'ghcr.io': encoded('podman:s') } })

  expect(await home.find()).toMatchObject({ username: 'podman' })
})

test('DOCKER_CONFIG replaces the configuration at home', async () => {
  const home = new Home()
  home.variables['DOCKER_CONFIG'] = join(home.folder, 'other')
  home.write('.docker/config.json', { auths: { 'ghcr.io': encoded('home:s') } })

  expect(await home.find()).toBeUndefined()
})

test('the helper of a registry comes before its entry, the helper of all after it', async () => {
  const home = new Home()
  home.writeHelper('own', answer('from-own', 's'))
  home.writeHelper('all', answer('from-all', 's'))
  const config = { credsStore: 'all', auths: { 'ghcr.io': encoded('entry:s'), 'quay.io': {} } }
  home.write('.docker/config.json', { ...config, credHelpers: { 'ghcr.io': 'own' } })

  expect(await home.find()).toEqual({
    kind: 'password',
    username: 'from-own',
    password: 's',
    source: 'docker-credential-own',
  })
  home.write('.docker/config.json', config)
  expect(await home.find()).toMatchObject({ username: 'entry' })
  const quay = { registry: 'quay.io', repository: 'a' }
  expect(await home.find(quay)).toMatchObject({ username: 'from-all' })
})

test('a helper is asked by the name its tools use', async () => {
  const home = new Home()
  home.writeHelper('all', answer('me', 's'))
  home.write('.docker/config.json', { credsStore: 'all' })

  await home.find()
  await home.find({ registry: 'docker.io', repository: 'library/debian' })

  expect(readFileSync(join(home.folder, 'asked'), 'utf8')).toBe(
    'get ghcr.io\nget https://index.docker.io/v1/\n',
  )
})

test('the user name <token> marks an identity token', async () => {
  const home = new Home()
  home.writeHelper('all', answer('<token>', 'refresh'))
  home.write('.docker/config.json', { credsStore: 'all' })

  expect(await home.find()).toMatchObject({ kind: 'identity-token', token: 'refresh' })
})

test('a helper without credentials is skipped', async () => {
  const home = new Home()
  home.writeHelper('own', 'echo "credentials not found in native keychain"; exit 1')
  home.write('.docker/config.json', {
    credHelpers: { 'ghcr.io': 'own' },
    auths: { 'ghcr.io': encoded('entry:s') },
  })

  expect(await home.find()).toMatchObject({ username: 'entry' })
})

test.each([
  [
    'fails',
    'echo "the vault\\n is locked"; exit 1',
    'ERR_NOT_AUTHENTICATED',
    'the vault is locked',
  ],
  ['fails without a word', 'exit 1', 'ERR_NOT_AUTHENTICATED', 'it gave no reason'],
  ['prints no JSON', 'echo SECRET', 'ERR_CONFIG_INVALID', 'its answer is not JSON'],
  ['prints other JSON', 'echo "[\\"SECRET\\"]"', 'ERR_CONFIG_INVALID', 'not an object'],
  ['leaves a member out', `echo '{"Username":"a"}'`, 'ERR_CONFIG_INVALID', 'Secret is missing'],
  ['prints too much', 'yes SECRET', 'ERR_CONFIG_INVALID', 'its answer is too long'],
  ['is killed', 'kill -9 $$', 'ERR_TIMEOUT', 'was killed'],
])('a helper that %s is an error that leaks no secret', async (_what, script, code, message) => {
  const home = new Home()
  home.writeHelper('own', script)
  home.write('.docker/config.json', { credHelpers: { 'ghcr.io': 'own' } })

  const error: unknown = await home.find().catch((thrown: unknown) => thrown)

  expect(error).toMatchObject({ code })
  expect(String(error)).toContain(message)
  expect(String(error)).not.toContain('SECRET')
})

test('a helper that never answers is ended when its time is up', async () => {
  const home = new Home()
  home.writeHelper('own', 'sleep 10')
  home.write('.docker/config.json', { credHelpers: { 'ghcr.io': 'own' } })

  await expect(home.find(GHCR, 50)).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
})

test.each(['../../bin/sh', 'a b', 'a;b', 'missing-helper'])(
  'the helper "%s" is not run',
  async (name) => {
    const home = new Home()
    home.write('.docker/config.json', { credHelpers: { 'ghcr.io': name } })

    await expect(home.find()).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
  },
)

test.each([
  ['not JSON', '{"auths": SECRET'],
  ['not an object', '["SECRET"]'],
  ['an entry that is a text', { auths: { 'ghcr.io': 'SECRET' } }],
  ['an auth that is not base64', { auths: { 'ghcr.io': { auth: 'SECRET!' } } }],
  ['an auth without a colon', { auths: { 'ghcr.io': encoded('SECRET') } }],
  ['a helper that is not a string', { credHelpers: { 'ghcr.io': ['SECRET'] } }],
])('a file with %s is an error that names the file, not its content', async (_what, content) => {
  const home = new Home()
  home.write('.docker/config.json', content)

  const error: unknown = await home.find().catch((thrown: unknown) => thrown)

  expect(error).toMatchObject({ code: 'ERR_CONFIG_INVALID' })
  expect(String(error)).toContain('.docker/config.json')
  expect(String(error)).not.toContain('SECRET')
})

test('a file that cannot be read is an error', async () => {
  const home = new Home()
  mkdirSync(join(home.folder, '.docker/config.json'), { recursive: true })

  await expect(home.find()).rejects.toMatchObject({ code: 'ERR_FILE_READ' })
})

test.each(['desktop.exe', 'a.b-c_d', 'clé'])('the helper "%s" is run', async (name) => {
  const home = new Home()
  home.writeHelper(name, answer('me', 'secret'))
  home.write('.docker/config.json', { credsStore: name })

  expect(await home.find()).toMatchObject({ username: 'me', password: 'secret' })
})

test.each(['\n', '\r\n'])('line ends %j inside base64 are ignored', async (end) => {
  const home = new Home()
  const auth = Buffer.from(`me:${'x'.repeat(90)}`)
    .toString('base64')
    .replace(/.{76}/g, `$&${end}`)
  home.write('.docker/config.json', { auths: { 'ghcr.io': { auth: `${auth}${end}` } } })

  expect(await home.find()).toMatchObject({ username: 'me', password: 'x'.repeat(90) })
})

test.each(['', ' \n'])('an empty file %j leads to the next', async (content) => {
  const home = new Home()
  home.write('.docker/config.json', content)
  expect(await home.find()).toBeUndefined()
  home.write('.config/containers/auth.json', { auths: { 'ghcr.io': encoded('me:podman') } })

  expect(await home.find()).toMatchObject({ password: 'podman' })
})

test('DOCKER_AUTH_CONFIG comes before the files', async () => {
  const home = new Home()
  home.write('.docker/config.json', { auths: { 'ghcr.io': encoded('me:file') } })
  home.variables['DOCKER_AUTH_CONFIG'] = JSON.stringify({
    auths: { 'ghcr.io': encoded('me:variable') },
  })

  expect(await home.find()).toMatchObject({ password: 'variable', source: 'DOCKER_AUTH_CONFIG' })
  home.variables['DOCKER_AUTH_CONFIG'] = '{"auths":{}}'
  expect(await home.find()).toMatchObject({ password: 'file' })
})

test('a malformed DOCKER_AUTH_CONFIG is an error that names it and none of its values', async () => {
  const home = new Home()
  home.variables['DOCKER_AUTH_CONFIG'] = '{"auths":{"ghcr.io":{"auth":"c2VjcmV0"}}}'

  await expect(home.find()).rejects.toMatchObject({
    code: 'ERR_CONFIG_INVALID',
    message: expect.stringMatching(/DOCKER_AUTH_CONFIG(?!.*c2Vj)/) as string,
  })
})

test('a registry token is found, and one that is not a header value is refused', async () => {
  const home = new Home()
  home.write('.docker/config.json', { auths: { 'ghcr.io': { registrytoken: 'token' } } })
  expect(await home.find()).toMatchObject({ kind: 'registry-token', token: 'token' })

  home.write('.docker/config.json', { auths: { 'ghcr.io': { registrytoken: 'a\nb' } } })
  await expect(home.find()).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
})

test('a failing helper leads to the next file, and is the error if no file has a login', async () => {
  const home = new Home()
  home.writeHelper('broken', 'echo "desktop is not running"; exit 1')
  home.write('.docker/config.json', { credsStore: 'broken' })
  await expect(home.find()).rejects.toMatchObject({ code: 'ERR_NOT_AUTHENTICATED' })

  home.write('.config/containers/auth.json', { auths: { 'ghcr.io': encoded('me:podman') } })
  expect(await home.find()).toMatchObject({ password: 'podman' })
})

test('the helper of another registry is not asked', async () => {
  const home = new Home()
  home.write('.docker/config.json', { credHelpers: { 'quay.io': 'missing' } })

  expect(await home.find()).toBeUndefined()
})

test('a helper that answers an empty login has none', async () => {
  const home = new Home()
  home.writeHelper('empty', answer('', ''))
  home.write('.docker/config.json', { credsStore: 'empty' })

  expect(await home.find()).toBeUndefined()
})
