/** A PIN that is changed on the token and in its file while a process has the token open. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { verifyMessage } from '../../../../src/crypto/verify.ts'
import {
  CKF_RW_SESSION,
  CKF_SERIAL_SESSION,
  type Cryptoki,
} from '../../../../src/providers/pkcs11/native/cryptoki.ts'
import { createInProcess, loadReplaced, openBeside } from '../../../support/cryptoki.ts'
import { codeOfAsync } from '../../../support/errors.ts'
import { createSoftHsm } from '../../../support/softhsm.ts'
import { createTempFolder } from '../../../support/temp-folder.ts'

const hsm = createSoftHsm(['renewed'])
const [token] = hsm.tokens
const other = await openBeside(hsm.modulePath, token)

afterAll(() => {
  other.release()
  hsm.remove()
})

interface Administration {
  C_SetPIN(session: Buffer, before: string, after: string): void
  C_Logout(session: Buffer): void
}

/** Changes the PIN as the token's own tool does, and ends the login of this process with it. */
function changePin(before: string, after: string): void {
  const cryptoki = other.cryptoki as Cryptoki & Administration
  const session = cryptoki.C_OpenSession(other.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION)
  cryptoki.C_SetPIN(session, before, after)
  cryptoki.C_Logout(session)
  cryptoki.C_CloseSession(session)
}

test('a key signs on with the PIN that its file holds now, and an old one is tried once', async () => {
  const file = join(createTempFolder(), 'pin')
  writeFileSync(file, `${token.pin}\n`)
  const tried: (string | undefined)[] = []
  const counting = (real: Cryptoki): Partial<Cryptoki> => ({
    C_Login: (session, user, pin) => {
      tried.push(pin)
      real.C_Login(session, user, pin)
    },
  })
  const provider = createInProcess({
    readPin: () => Promise.resolve(undefined),
    loadModule: loadReplaced(counting),
  })
  onTestFinished(() => provider[Symbol.asyncDispose]())
  const place = { ...token.uriFor('key'), pinSource: `file:${file}` }
  const uri = await provider.create({ uri: place, algorithm: 'ES256' })
  const signer = await provider.open(uri)
  const message = Buffer.from('message')

  changePin(token.pin, 'another PIN')
  const refusals = [
    await codeOfAsync(() => signer.sign(message)),
    await codeOfAsync(() => signer.sign(message)),
    await codeOfAsync(() => provider.open(uri)),
  ]
  writeFileSync(file, 'another PIN\n')
  const signature = await signer.sign(message)

  expect(refusals).toEqual(['ERR_PIN_WRONG', 'ERR_PIN_WRONG', 'ERR_PIN_WRONG'])
  expect(tried).toEqual([token.pin, token.pin, 'another PIN'])
  expect(verifyMessage(signer.key, message, signature)).toBe(true)
})
