import { expect, test } from 'vitest'
import { isLoopbackAddress, isPublicAddress } from '../../src/client/public-address.ts'

test.each([
  '140.82.112.3',
  '8.8.8.8',
  '172.15.255.255',
  '172.32.0.0',
  '2606:50c0:8000::154',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
  '64:ff9b::8c52:7003',
  '64:ff9b:0:0:0:0:8c52:7003',
])('%s is a public address', (address) => {
  expect(isPublicAddress(address)).toBe(true)
})

test.each([
  ['this host', '0.0.0.0'],
  ['private', '10.1.2.3'],
  ['private', '172.16.0.1'],
  ['private', '192.168.1.1'],
  ['carrier', '100.64.0.1'],
  ['loopback', '127.0.0.1'],
  ['cloud metadata', '169.254.169.254'],
  ['multicast', '224.0.0.1'],
  ['broadcast', '255.255.255.255'],
  ['unspecified', '::'],
  ['loopback', '::1'],
  ['IPv4 inside IPv6', '::ffff:169.254.169.254'],
  ['IPv4 inside IPv6, private', '::ffff:a00:1'],
  ['cloud metadata by NAT64', '64:ff9b::a9fe:a9fe'],
  ['private by NAT64', '64:ff9b::10.0.0.1'],
  ['loopback by NAT64', '64:ff9b::7f00:1'],
  ['this host by NAT64', '64:ff9b::'],
  ['NAT64 of a network of its own', '64:ff9b:1::808:808'],
  ['IPv4-compatible', '::8.8.8.8'],
  ['6to4', '2002:7f00:1::'],
  ['Teredo', '2001::1'],
  ['unique local (cloud metadata)', 'fd00:ec2::254'],
  ['link-local', 'fe80::1'],
  ['zone', '2606:50c0:8000::154%eth0'],
  ['multicast', 'ff02::1'],
  ['no address', 'example.com'],
  ['nothing', ''],
])('an address that is %s (%s) is not a public one', (_kind, address) => {
  expect(isPublicAddress(address)).toBe(false)
})

test('only addresses of this machine are loopback', () => {
  const all = ['127.0.0.1', '127.9.9.9', '::1', '10.0.0.1', '2606:50c0::1', 'localhost']

  expect(all.filter(isLoopbackAddress)).toEqual(['127.0.0.1', '127.9.9.9', '::1'])
})
