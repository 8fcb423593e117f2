import { expect, test } from 'vitest'
import { isS3Uri, parseS3Uri } from '../../../src/storage/s3/uri.ts'
import { codeOf } from '../../support/errors.ts'

test.each([
  ['s3://acme', { bucket: 'acme', key: '', isFolder: true }],
  ['s3://acme/', { bucket: 'acme', key: '', isFolder: true }],
  ['s3://acme.logs/a/b.json', { bucket: 'acme.logs', key: 'a/b.json', isFolder: false }],
  ['s3://acme/a/b/', { bucket: 'acme', key: 'a/b', isFolder: true }],
  [
    's3://acme/a?region=eu-west-1&profile=ops%20team&endpoint=MINIO.internal:9000',
    {
      ...{ bucket: 'acme', key: 'a', isFolder: false, region: 'eu-west-1' },
      ...{ profile: 'ops team', endpoint: 'minio.internal:9000' },
    },
  ],
])('%s is read', (text, expected) => {
  expect(parseS3Uri(text)).toEqual(expected)
})

test.each([
  's3:acme',
  's3://',
  's3://Acme/a',
  's3://ab',
  's3://user:secret@acme/a',
  's3://acme/a//b',
  's3://acme/../b',
  's3://acme/./b',
  's3://acme/a b',
  's3://acme/%61',
  's3://acme/a#b',
  's3://acme/a?region=',
  's3://acme/a?region=eu&region=us',
  's3://acme/a?bucket=b',
  's3://acme/a?endpoint=http://a',
  's3://acme/a?endpoint=user@a',
  's3://acme/a?profile=%ZZ',
])('%s is refused', (text) => {
  expect(isS3Uri(text)).toBe(true)
  expect(codeOf(() => parseS3Uri(text))).toBe('ERR_CONFIG_INVALID')
})

test('credentials in the place of a bucket are not shown', () => {
  expect(() => parseS3Uri('s3://user:secret@acme/a')).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('secret') as unknown }),
  )
})
