/** References to images, and digests, at the bounds of their grammars. */
import type { MadeCase, MadeGroup, Maker } from './made.ts'

/** The vectors of references to images and of digests. */
export const imageReferences: Maker = {
  format: 'image-references',
  made: 'Written by tools/vectors/image-references.ts along the grammar of distribution/reference and the digests of the OCI image specification.',
  make: () => [references(), digests()],
}

type Row = readonly [id: string, comment: string, data: string, rule?: string]

function toCases(rows: readonly Row[], valid: boolean): readonly MadeCase[] {
  return rows.map(([id, comment, data, rule]) => ({
    id,
    comment,
    data,
    valid,
    ...(rule !== undefined && { rule }),
  }))
}

const SHA256 = `sha256:${'ab'.repeat(32)}`

function references(): MadeGroup {
  const right: readonly Row[] = [
    ['name', 'a name alone', 'app'],
    ['path', 'a path', 'a/b/c'],
    ['domain', 'a domain', 'registry.example/app'],
    ['port', 'a port', 'registry.example:5000/app'],
    ['localhost', 'localhost with a port', 'localhost:5000/app'],
    ['ipv4', 'an IPv4 address', '127.0.0.1:5000/app'],
    ['ipv6', 'an IPv6 address', '[::1]:5000/app'],
    ['tag', 'a tag', 'registry.example/app:v1.2.3-rc_1'],
    ['digest', 'a digest', `registry.example/app@${SHA256}`],
    ['both', 'a tag and a digest', `registry.example/app:v1@${SHA256}`],
    ['sha512', 'a digest of SHA-512', `app@sha512:${'ab'.repeat(64)}`],
    ['tag-longest', 'a tag of 128 characters', `app:${'a'.repeat(128)}`],
    ['tag-capital', 'a tag in capitals', 'app:V1'],
    ['separators', 'one dot, one or two underscores, hyphens', 'a.b/c_d/e__f/g--h'],
    [
      'path-longest',
      'a path of 255 characters',
      `registry.example/${'a'.repeat(255)}`,
      'the path has up to 255 characters, without its domain',
    ],
    ['domain-capital', 'a domain in capitals', 'Registry.Example/app'],
    ['first-is-port', 'a port without a dot', 'registry:5000/app'],
    ['digits', 'digits alone', '123/456:789'],
  ]
  const wrong: readonly Row[] = [
    ['nothing', 'no text', ''],
    ['capital', 'a path in capitals', 'registry.example/App'],
    ['capital-alone', 'a name in capitals', 'App'],
    ['empty-tag', 'an empty tag', 'app:'],
    ['tag-long', 'a tag of 129 characters', `app:${'a'.repeat(129)}`],
    ['tag-dot', 'a tag that begins with a dot', 'app:.a'],
    ['tag-hyphen', 'a tag that begins with a hyphen', 'app:-a'],
    ['tag-slash', 'a tag with a slash', 'registry.example/app:a/b'],
    ['tag-plus', 'a tag with a plus', 'app:1.0+1'],
    ['two-tags', 'two tags', 'app:a:b'],
    ['empty-digest', 'an empty digest', 'app@'],
    ['digest-short', 'a digest without its last digit', `app@${SHA256.slice(0, -1)}`],
    ['digest-long', 'a digest of one digit more', `app@${SHA256}0`, 'a digest has its full length'],
    [
      'digest-upper',
      'a digest in capitals',
      `app@sha256:${'AB'.repeat(32)}`,
      'a digest is in lower case (OCI image-spec descriptor)',
    ],
    ['digest-md5', 'a digest of MD5', `app@md5:${'ab'.repeat(16)}`],
    ['digest-none', 'hex without an algorithm', `app@${'ab'.repeat(32)}`],
    ['two-digests', 'two digests', `app@${SHA256}@${SHA256}`],
    ['digest-before-tag', 'the tag after the digest', `app@${SHA256}:v1`],
    ['slash-before', 'a slash before it', '/app'],
    ['slash-after', 'a slash after it', 'registry.example/app/'],
    ['slashes', 'two slashes', 'registry.example//app'],
    ['dots', 'two dots in a name', 'registry.example/a..b'],
    ['up', 'a step up', 'registry.example/../app'],
    ['underscores', 'three underscores', 'a___b'],
    ['hyphen-before', 'a name that begins with a hyphen', '-app'],
    ['hyphen-after', 'a name that ends in a hyphen', 'app-'],
    ['dot-underscore', 'a dot and an underscore', 'a._b'],
    ['path-long', 'a path of 256 characters', `registry.example/${'a'.repeat(256)}`],
    ['blank', 'a blank inside', 'a b'],
    ['blank-before', 'a blank before it', ' app'],
    ['newline', 'a line end after it', 'app\n'],
    ['scheme', 'a scheme before it', 'https://registry.example/app'],
    ['user', 'a user before it', 'user@registry.example/app'],
    ['unicode', 'other characters', 'приложение'],
    ['nul', 'a NUL inside', 'a\0b'],
    ['percent', 'an escape', 'a%2fb'],
    ['port-text', 'a port of letters', 'registry.example:port/app'],
    ['port-empty', 'an empty port', 'registry.example:/app'],
    ['ipv6-open', 'an address that is not closed', '[::1/app'],
    ['domain-only', 'a domain and a slash', 'registry.example/'],
    ['at-only', 'a digest alone', `@${SHA256}`],
    ['query', 'a query', 'registry.example/app?x=1'],
  ]
  return {
    group: 'references',
    kind: 'image-reference',
    cases: [...toCases(right, true), ...toCases(wrong, false)],
  }
}

function digests(): MadeGroup {
  const OURS = 'SHA-256, SHA-384 and SHA-512 are the algorithms of digests (ours)'
  const right: readonly Row[] = [
    ['sha256', 'SHA-256', SHA256],
    ['sha384', 'SHA-384', `sha384:${'01'.repeat(48)}`],
    ['sha512', 'SHA-512', `sha512:${'ef'.repeat(64)}`],
  ]
  const wrong: readonly Row[] = [
    ['nothing', 'no text', ''],
    ['no-hex', 'an algorithm alone', 'sha256:'],
    ['no-algorithm', 'hex alone', 'ab'.repeat(32)],
    ['colon', 'a colon and hex', `:${'ab'.repeat(32)}`],
    ['short', 'without its last digit', SHA256.slice(0, -1)],
    ['long', 'one digit more', `${SHA256}0`],
    ['upper', 'in capitals', `sha256:${'AB'.repeat(32)}`],
    ['upper-algorithm', 'an algorithm in capitals', `SHA256:${'ab'.repeat(32)}`],
    ['not-hex', 'a digit that is not hex', `sha256:${'g'.repeat(64)}`],
    ['other-length', 'the length of SHA-512', `sha256:${'ab'.repeat(64)}`],
    ['sha1', 'SHA-1', `sha1:${'ab'.repeat(20)}`],
    ['md5', 'MD5', `md5:${'ab'.repeat(16)}`],
    ['unknown', 'an algorithm that is not known', `x:${'ab'.repeat(32)}`, OURS],
    ['base64', 'base64', `sha256:${Buffer.alloc(32, 0xab).toString('base64')}`],
    ['blank', 'a blank after it', `${SHA256} `],
    ['newline', 'a line end after it', `${SHA256}\n`],
    ['blank-inside', 'a blank after the colon', `sha256: ${'ab'.repeat(32)}`],
    ['hyphen', 'a hyphen in the algorithm', `sha-256:${'ab'.repeat(32)}`],
    ['two', 'two digests', `${SHA256},${SHA256}`],
    ['third-part', 'a third part', `${SHA256}:00`],
    ['equals', 'an equals sign', `sha256=${'ab'.repeat(32)}`],
    ['prototype', 'a name that every object has', `toString:${'ab'.repeat(32)}`],
  ]
  return {
    group: 'digests',
    kind: 'digest',
    cases: [...toCases(right, true), ...toCases(wrong, false)],
  }
}
