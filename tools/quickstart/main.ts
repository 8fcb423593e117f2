/**
 * `npm run quickstart`: what countersign does, in real commands on real things. It fails where a
 * command does not end as told, so it can't go stale.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { CLI } from '../../test/support/command-line.ts'
import { createSoftHsm } from '../../test/support/softhsm.ts'
import { findHsmObstacle } from './hsm-obstacle.ts'
import { writeImage } from './image.ts'
import { createNarrator, type Narrator } from './narrator.ts'
import { tellOfService } from './service.ts'
import { createTarball } from './tarball.ts'

const PROJECT = resolve(import.meta.dirname, '../..')

async function tellOfFiles(story: Narrator, folder: string, tarball: Uint8Array): Promise<void> {
  story.chapter('1. A key, and a signed file')
  story.say('The key is a file here, encrypted with the passphrase in COUNTERSIGN_PASSPHRASE.')
  await story.countersign(['key', 'create', 'file:release.pem'])
  writeFileSync(join(folder, 'app.tgz'), tarball)
  story.say(`\napp.tgz is a real archive of this project's papers, ${tarball.length} bytes.`)
  await story.countersign(['sign', '--key', 'release.pem', 'app.tgz'])
  await story.countersign(['verify', '--key', 'release.pub', 'app.tgz'])

  story.say('\nNow one byte is appended to it:')
  appendFileSync(join(folder, 'app.tgz'), 'x')
  await story.countersign(['verify', '--key', 'release.pub', 'app.tgz'], 3)
  writeFileSync(join(folder, 'app.tgz'), tarball)
}

async function tellOfImages(story: Narrator, folder: string, tarball: Uint8Array): Promise<void> {
  story.chapter('2. A signed image')
  const manifest = writeImage(join(folder, 'image'), tarball, '1.0')
  story.say(
    'image/ is an OCI image layout whose layer is that archive; oci://registry/repo works the same.',
  )
  await story.countersign(['sign', '--key', 'release.pem', 'oci-layout://image:1.0'])
  await story.countersign(['verify', '--key', 'release.pub', 'oci-layout://image:1.0'])

  story.chapter('3. An attestation about it')
  const sbom = { bomFormat: 'CycloneDX', specVersion: '1.6', components: readComponents() }
  writeFileSync(join(folder, 'sbom.json'), JSON.stringify(sbom))
  await story.countersign([
    ...['attest', '--key', 'release.pem', '--type', 'cyclonedx'],
    ...['--predicate', 'sbom.json', 'oci-layout://image:1.0'],
  ])
  await story.countersign([
    'verify',
    '--key',
    'release.pub',
    '--type',
    'cyclonedx',
    'oci-layout://image:1.0',
  ])
  await story.countersign(['discover', 'oci-layout://image:1.0'])
  story.say('\nA signature is not provenance, and none was attested:')
  await story.countersign(
    ['verify', '--key', 'release.pub', '--type', 'slsaprovenance1', 'oci-layout://image:1.0'],
    4,
  )

  story.say('\nNow the image behind the tag is changed:')
  appendFileSync(manifest, ' ')
  await story.countersign(['verify', '--key', 'release.pub', 'oci-layout://image:1.0'], 3)
}

/** What this project is made of, as an SBOM lists it. */
function readComponents(): readonly object[] {
  const text = readFileSync(join(PROJECT, 'package.json'), 'utf8')
  const { dependencies } = JSON.parse(text) as { dependencies: Readonly<Record<string, string>> }
  return Object.entries(dependencies).map(([name, version]) => {
    const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
    return { type: 'library', name, version, purl }
  })
}

async function tellOfHsm(story: Narrator): Promise<void> {
  story.chapter('4. The same with a key that never leaves an HSM')
  const obstacle = findHsmObstacle(CLI)
  if (obstacle !== undefined) {
    story.say(`${obstacle.reason}, so this chapter is skipped.`)
    story.say(`To see it: ${obstacle.remedy}, then run this again.`)
    return
  }
  const hsm = createSoftHsm(['quickstart'])
  const [token] = hsm.tokens
  const inside = story.with({ COUNTERSIGN_PKCS11_PIN: token.pin, SOFTHSM2_CONF: hsm.configPath })
  try {
    story.say('The HSM is SoftHSM here; its PIN is in COUNTERSIGN_PKCS11_PIN.')
    const key = `pkcs11:token=${token.label};object=release?module-path=${hsm.modulePath}`
    await inside.countersign(['key', 'create', key])
    await inside.countersign(['sign', '--key', key, '--overwrite', 'app.tgz'])
    await inside.countersign(['key', 'export', key, '--format', 'pem', '-o', 'hsm.pub'])
    await inside.countersign(['verify', '--key', 'hsm.pub', 'app.tgz'])
    story.say('\nThe first key is another one, and verification tells:')
    await inside.countersign(['verify', '--key', 'release.pub', 'app.tgz'], 6)
  } finally {
    hsm.remove()
  }
}

async function main(): Promise<void> {
  const started = performance.now()
  const folder = mkdtempSync(join(tmpdir(), 'countersign-quickstart-'))
  const env = {
    ...process.env,
    COUNTERSIGN_PASSPHRASE: randomBytes(18).toString('base64url'),
    // Each command is a process of its own; what one has compiled, the next need not.
    NODE_COMPILE_CACHE: join(folder, '.compiled'),
  }
  const papers = ['README.md', 'LICENSE', 'SECURITY.md', 'package.json']
  const tarball = createTarball(
    Object.fromEntries(papers.map((name) => [name, readFileSync(join(PROJECT, name))])),
  )
  // Ctrl-C ends the command that runs, and so the story, which then clears up.
  process.once('SIGINT', () => undefined)
  try {
    const story = createNarrator(folder, env)
    await tellOfFiles(story, folder, tarball)
    await tellOfImages(story, folder, tarball)
    await tellOfHsm(story)
    await tellOfService(story, folder, tarball)
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    story.chapter(`All of it ended as told, in ${seconds} s.`)
    story.say(
      'Next: sign something of yours. In a checkout the command is `npm run -s countersign -- sign …`;',
    )
    story.say('with a key in AWS KMS: --key awskms:///alias/NAME. README.md has the rest.')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

await main()
