import { KMS } from '@aws-sdk/client-kms'
import { spawn } from 'node:child_process'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AWS_QUOTAS } from './quota.ts'
import { connectSdk, failure, MESSAGE, signDigest, startWithSdk } from './sdk.ts'

let stack: AsyncDisposableStack
beforeEach(() => void (stack = new AsyncDisposableStack()))
afterEach(() => stack.disposeAsync())

test.each([
  ['Disabled', 'DisabledException', 'is disabled.'],
  ['PendingDeletion', 'KMSInvalidStateException', 'is pending deletion.'],
  ['PendingImport', 'KMSInvalidStateException', 'is pending import.'],
  ['Unavailable', 'KMSInvalidStateException', 'is unavailable.'],
  ['Creating', 'KMSInvalidStateException', 'is creating.'],
] as const)(
  'a key in state %s neither signs nor shows its public key',
  async (state, name, text) => {
    const { double, kms } = await startWithSdk(stack)
    const key = await double.addKey({ spec: 'ECC_NIST_P256' })
    key.state = state

    expect(await failure(signDigest(kms, key))).toBe(`${name} 400: ${key.arn} ${text}`)
    expect(await failure(kms.getPublicKey({ KeyId: key.arn }))).toContain(name)
    expect((await kms.describeKey({ KeyId: key.arn })).KeyMetadata?.KeyState).toBe(state)
  },
)

test('keys are disabled, enabled, scheduled for deletion, saved and deleted', async () => {
  let now = Date.now()
  const { double, kms } = await startWithSdk(stack, { now: () => now })
  const key = await double.addKey({ spec: 'ECC_NIST_P256' })
  const KeyId = key.arn
  double.setAlias('alias/release', key)

  await kms.disableKey({ KeyId })
  expect(await failure(signDigest(kms, key))).toContain('DisabledException')
  await kms.enableKey({ KeyId })
  await signDigest(kms, key)
  const { DeletionDate } = await kms.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 7 })
  expect(DeletionDate?.getTime()).toBe(now + 7 * 86_400_000)
  expect(await failure(kms.enableKey({ KeyId }))).toContain('KMSInvalidStateException')
  expect(await failure(kms.scheduleKeyDeletion({ KeyId }))).toContain('KMSInvalidStateException')
  await kms.cancelKeyDeletion({ KeyId })
  expect(key.state).toBe('Disabled')
  expect(await failure(kms.cancelKeyDeletion({ KeyId }))).toContain('is not pending deletion.')
  expect(await failure(kms.scheduleKeyDeletion({ KeyId, PendingWindowInDays: 6 }))).toContain(
    'ValidationException',
  )
  await kms.scheduleKeyDeletion({ KeyId })
  now += 30 * 86_400_000
  const aged = connectSdk(stack, double)
  await expect(failure(aged.describeKey({ KeyId }))).resolves.toContain('Signature')
  expect(await failure(aged.describeKey({ KeyId }))).toBe(
    `NotFoundException 400: Key '${KeyId}' does not exist`,
  )
  expect(await failure(aged.describeKey({ KeyId: 'alias/release' }))).toContain('NotFoundException')
  expect(double.keys()).toEqual([])
})

test('a digest of the wrong length and an unknown alias are refused in the words of AWS', async () => {
  const { double, kms } = await startWithSdk(stack)
  const { arn } = await double.addKey({ spec: 'ECC_NIST_P256' })
  const request = { KeyId: arn, SigningAlgorithm: 'ECDSA_SHA_256', MessageType: 'DIGEST' } as const

  expect(await failure(kms.sign({ ...request, Message: new Uint8Array(20) }))).toBe(
    'ValidationException 400: Digest is invalid length for algorithm ECDSA_SHA_256.',
  )
  expect(await failure(kms.describeKey({ KeyId: 'alias/typo' }))).toBe(
    `NotFoundException 400: Alias ${arn.replace(/key\/.*/, 'alias/typo')} is not found.`,
  )
})

test('aliases are listed by key, and have names of their own', async () => {
  const { double, kms } = await startWithSdk(stack)
  const [first, second] = [
    await double.addKey({ spec: 'ECC_NIST_P256' }),
    await double.addKey({ spec: 'ECC_NIST_P256' }),
  ]
  const AliasName = 'alias/release'
  await kms.createAlias({ AliasName, TargetKeyId: first.id })

  expect((await kms.listAliases({ KeyId: second.arn })).Aliases).toEqual([])
  expect((await kms.listAliases()).Aliases).toEqual([
    { AliasName, AliasArn: first.arn.replace(/key\/.*/, AliasName), TargetKeyId: first.id },
  ])
  await kms.deleteAlias({ AliasName })
  for (const call of [
    kms.deleteAlias({ AliasName }),
    kms.updateAlias({ AliasName, TargetKeyId: first.id }),
  ]) {
    expect(await failure(call)).toContain('NotFoundException')
  }
  for (const [name, fault] of [
    ['release', 'ValidationException'],
    ['alias/aws/x', 'NotAuthorizedException'],
  ] as const) {
    const call = kms.createAlias({ AliasName: name, TargetKeyId: first.id })
    expect(await failure(call)).toContain(fault)
  }
})

test('a faulty backend hashes twice, or uses the longest salt', async () => {
  const { double, kms } = await startWithSdk(stack)
  const [ec, rsa] = [
    await double.addKey({ spec: 'ECC_NIST_P256' }),
    await double.addKey({ spec: 'RSA_2048' }),
  ]
  const digest = createHash('sha256').update(MESSAGE).digest()
  const request = { MessageType: 'DIGEST', Message: digest } as const

  double.fail('Sign', { kind: 'sign', how: 'double-hash' })
  const twice = await kms.sign({ ...request, KeyId: ec.arn, SigningAlgorithm: 'ECDSA_SHA_256' })
  expect(
    verify('sha256', digest, createPublicKey(ec.privateKey ?? ''), twice.Signature ?? digest),
  ).toBe(true)

  double.fail('Sign', { kind: 'sign', how: 'max-salt' })
  const salted = await kms.sign({
    ...request,
    KeyId: rsa.arn,
    SigningAlgorithm: 'RSASSA_PSS_SHA_256',
  })
  const key = { key: createPublicKey(rsa.privateKey ?? ''), padding: 6, saltLength: 256 - 32 - 2 }
  expect(verify('sha256', MESSAGE, key, salted.Signature ?? digest)).toBe(true)
})

test('a changed alias and a new key are seen after a lag', async () => {
  let now = Date.now()
  const { double, kms } = await startWithSdk(stack, {
    now: () => now,
    aliasLagMs: 2000,
    keyLagMs: 1000,
  })
  const first = await double.addKey({ spec: 'ECC_NIST_P256' })
  expect(await failure(kms.describeKey({ KeyId: first.arn }))).toContain('NotFoundException')
  now += 1000
  const second = await double.addKey({ spec: 'ECC_NIST_P256' })
  await kms.createAlias({ AliasName: 'alias/release', TargetKeyId: first.id })
  expect(await failure(kms.describeKey({ KeyId: 'alias/release' }))).toContain('NotFoundException')
  now += 2000
  await kms.updateAlias({ AliasName: 'alias/release', TargetKeyId: second.id })
  const owner = async (): Promise<string | undefined> =>
    (await kms.describeKey({ KeyId: 'alias/release' })).KeyMetadata?.Arn

  expect(await owner()).toBe(first.arn)
  now += 2000
  expect(await owner()).toBe(second.arn)
})

test('a key of another region or account does not exist', async () => {
  const { double, kms } = await startWithSdk(stack)
  const key = await double.addKey({ spec: 'ECC_NIST_P256', region: 'us-gov-west-1' })

  expect(key.arn).toMatch(/^arn:aws-us-gov:kms:us-gov-west-1:111122223333:key\//)
  expect(await failure(kms.describeKey({ KeyId: key.arn }))).toBe(
    'NotFoundException 400: Invalid arn us-gov-west-1',
  )
  expect(await failure(kms.describeKey({ KeyId: key.id }))).toContain('does not exist')
  const there = connectSdk(stack, double, { region: 'us-gov-west-1' })
  expect((await there.describeKey({ KeyId: key.id })).KeyMetadata?.Arn).toBe(key.arn)
  const foreign = key.arn.replace('111122223333', '444455556666')
  expect(await failure(there.describeKey({ KeyId: foreign }))).toContain('NotFoundException')
})

test('requests over the quota are throttled until the bucket fills again', async () => {
  let now = Date.now()
  const { double, kms } = await startWithSdk(stack, {
    now: () => now,
    quotas: { ...AWS_QUOTAS, ECC: 2 },
  })
  const key = await double.addKey({ spec: 'ECC_NIST_P256' })
  await signDigest(kms, key)
  await signDigest(kms, key)

  expect(await failure(signDigest(kms, key))).toBe(
    'ThrottlingException 400: You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
  )
  await kms.describeKey({ KeyId: key.arn })
  now += 500
  await signDigest(kms, key)
  expect(await failure(signDigest(kms, key))).toContain('ThrottlingException')
})

test('callers are refused for an unknown access key, a wrong secret and a wrong clock', async () => {
  let now = Date.now()
  const { double, kms } = await startWithSdk(stack, { now: () => now })
  const other = connectSdk(stack, double, {
    credentials: { accessKeyId: 'AKIASTRANGER', secretAccessKey: 'x' },
  })

  expect(await failure(other.listKeys())).toBe(
    'UnrecognizedClientException 400: The security token included in the request is invalid.',
  )
  expect(
    await failure(
      connectSdk(stack, double, {
        credentials: { ...double.credentials, secretAccessKey: 'wrong' },
      }).listKeys(),
    ),
  ).toContain('InvalidSignatureException 400: The request signature we calculated does not match')
  now += 3_600_000
  expect(await failure(kms.listKeys())).toContain(
    'InvalidSignatureException 400: Signature expired: ',
  )
  now -= 7_200_000
  expect(await failure(connectSdk(stack, double).listKeys())).toContain(
    'InvalidSignatureException 400: Signature not yet current: ',
  )
  const bare = await fetch(double.url, {
    method: 'POST',
    headers: { 'x-amz-target': 'TrentService.ListKeys' },
    body: '{}',
  })
  expect(await bare.json()).toMatchObject({ __type: 'MissingAuthenticationTokenException' })
})

test('an operation can be denied, broken, cut off and left hanging, and counts its calls', async () => {
  const { double, kms } = await startWithSdk(stack)
  const key = await double.addKey({ spec: 'ECC_NIST_P256' })

  double.deny('Sign')
  expect(await failure(signDigest(kms, key))).toBe(
    `AccessDeniedException 400: User: arn:aws:iam::111122223333:user/signer is not authorized to perform: kms:Sign on resource: ${key.arn} because no identity-based policy allows the kms:Sign action`,
  )
  double.deny('ListKeys')
  expect(await failure(kms.listKeys())).toContain('kms:ListKeys because')
  double.reset()
  double.fail('Sign', { kind: 'error', name: 'KMSInternalException', status: 500 }, 1)
  expect(await failure(signDigest(kms, key))).toContain('KMSInternalException 500')
  await signDigest(kms, key)
  double.fail('Sign', { kind: 'cut', when: 'before' }, 1)
  await expect(signDigest(kms, key)).rejects.toMatchObject({ code: 'ECONNRESET' })
  double.fail('CreateKey', { kind: 'cut', when: 'after' }, 1)
  await expect(
    kms.createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }),
  ).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect(double.keys()).toHaveLength(2)
  double.fail('Sign', { kind: 'hang' }, 1)
  const abort = new AbortController()
  const arrived = double.next('Sign')
  const hanging = kms.sign(
    { KeyId: key.arn, Message: MESSAGE, SigningAlgorithm: 'ECDSA_SHA_256' },
    { abortSignal: abort.signal },
  )
  await arrived
  abort.abort()
  await expect(hanging).rejects.toMatchObject({ name: 'AbortError' })

  const counts = await (await fetch(`${double.url}/calls`)).json()
  expect(counts).toEqual({ Sign: 4, CreateKey: 1 })
})

test('CreateKey creates supported keys and refuses others', async () => {
  const { kms } = await startWithSdk(stack)
  const Tags = [{ TagKey: 'team', TagValue: 'release' }]
  const made = await kms.createKey({
    KeySpec: 'ECC_NIST_P256',
    KeyUsage: 'SIGN_VERIFY',
    Description: 'a key',
    MultiRegion: true,
    Tags,
  })
  const KeyId = made.KeyMetadata?.KeyId

  expect(KeyId).toMatch(/^mrk-[0-9a-f]{32}$/)
  expect(made.KeyMetadata).toMatchObject({
    Description: 'a key',
    KeySpec: 'ECC_NIST_P256',
    KeyState: 'Enabled',
    SigningAlgorithms: ['ECDSA_SHA_256'],
  })
  await kms.tagResource({ KeyId, Tags: [{ TagKey: 'stage', TagValue: 'prod' }] })
  const first = await kms.listResourceTags({ KeyId, Limit: 1 })
  expect(first).toMatchObject({ Tags, Truncated: true })
  const rest = await kms.listResourceTags({ KeyId, Marker: first.NextMarker })
  expect(rest.Tags).toEqual([{ TagKey: 'stage', TagValue: 'prod' }])
  expect((await kms.listKeys()).Keys).toHaveLength(1)
  const external = await kms.createKey({
    KeySpec: 'ECC_NIST_P256',
    KeyUsage: 'SIGN_VERIFY',
    Origin: 'EXTERNAL',
  })
  expect(external.KeyMetadata?.KeyState).toBe('PendingImport')
  for (const [request, name] of [
    [{ KeySpec: 'ECC_NIST_P256' }, 'ValidationException'],
    [{ KeySpec: 'ECC_NIST_P256', KeyUsage: 'ENCRYPT_DECRYPT' }, 'ValidationException'],
    [{ KeySpec: 'ML_DSA_44', KeyUsage: 'SIGN_VERIFY' }, 'ValidationException'],
    [{ Tags: [...Tags, ...Tags] }, 'TagException'],
  ] as const) {
    expect(await failure(kms.createKey(request as object))).toContain(name)
  }
})

test('the double runs as a process of its own', async () => {
  const main = fileURLToPath(new URL('main.ts', import.meta.url))
  const child = spawn(process.execPath, [main, '{"latencyMs":1}'], { stdio: 'pipe' })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const { url, environment } = JSON.parse(line.toString()) as {
    url: string
    environment: Record<string, string>
  }
  const kms = new KMS({
    endpoint: url,
    region: environment['AWS_REGION'] ?? '',
    credentials: {
      accessKeyId: environment['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: environment['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  })
  stack.defer(() => {
    kms.destroy()
  })

  expect((await kms.listKeys()).Keys).toEqual([])
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
})
