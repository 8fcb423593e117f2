import { expect, test } from 'vitest'
import { assertNoDowngrade, registryOrigin } from '../../src/oci/registry-host.ts'

test.each([
  ['ghcr.io', undefined, 'https://ghcr.io/'],
  ['docker.io', undefined, 'https://registry-1.docker.io/'],
  ['index.docker.io', undefined, 'https://registry-1.docker.io/'],
  ['localhost:5000', undefined, 'http://localhost:5000/'],
  ['127.1.2.3:5000', undefined, 'http://127.1.2.3:5000/'],
  ['[::1]:5000', undefined, 'http://[::1]:5000/'],
  ['registry.localhost', undefined, 'http://registry.localhost/'],
  ['localhost.example', undefined, 'https://localhost.example/'],
  ['127.0.0.1.example', undefined, 'https://127.0.0.1.example/'],
  ['localhost:5000', false, 'https://localhost:5000/'],
  ['registry.lan:5000', true, 'http://registry.lan:5000/'],
])('the API of %s with plainHttp %s is at %s', (registry, plainHttp, origin) => {
  expect(registryOrigin(registry, plainHttp).href).toBe(origin)
})

test.each(['', 'a b', 'host/path', 'user@host', 'host?x', 'host:port'])(
  'the registry "%s" is refused',
  (registry) => {
    expect(() => registryOrigin(registry)).toThrow(
      expect.objectContaining({ code: 'ERR_REFERENCE_INVALID' }),
    )
  },
)

test.each([
  ['https://a/', 'https://b/', true],
  ['https://a/', 'http://a/', false],
  ['https://localhost/', 'http://localhost/', false],
  ['http://localhost/', 'http://127.0.0.1:9/', true],
  ['http://localhost/', 'http://elsewhere/', false],
  ['http://registry.lan/', 'http://auth.lan/', true],
  ['http://registry.lan/', 'https://auth.lan/', true],
  ['http://registry.lan/', 'file:///etc/passwd', false],
])('from %s to %s: allowed %s', (from, to, isAllowed) => {
  const assert = (): void => {
    assertNoDowngrade(new URL(from), new URL(to))
  }
  if (isAllowed) expect(assert).not.toThrow()
  else expect(assert).toThrow(expect.objectContaining({ code: 'ERR_REGISTRY_PROTOCOL' }))
})
