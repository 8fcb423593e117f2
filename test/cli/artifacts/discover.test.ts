import { expect, test } from 'vitest'
import { openRegistry, pushImage } from '../../oci/open-registry.ts'
import { documentOf } from '../../support/cli.ts'
import { createImageScene, DIGEST, image } from '../../support/image-scene.ts'
import { createArtifact, createImage, createIndex } from '../../support/oci-content.ts'
import { refuse } from '../../support/registry/faults.ts'
import { createSigningFolder } from '../../support/signing-folder.ts'

/** What differs from run to run gets a name; so does the registry. */
function readable(text: string, host: string): string {
  return text
    .replaceAll(host, 'HOST')
    .replaceAll(DIGEST, 'IMAGE')
    .replace(/sha256:[0-9a-f]{64}/g, 'DIGEST')
    .replace(/key hint [\w+/]{12}…/g, 'key hint HINT…')
    .replace(/\d+ B/g, 'SIZE')
}

test('attachments are listed as a tree, with their own claims', async () => {
  const { folder, double, app } = await createImageScene()
  await folder.run(`sign ${app}:v1 --key @release.pem --format both`)
  await folder.run(`attest ${app}:v1 --key @release.pem --type cyclonedx --predicate @sbom.json`)
  const store = openRegistry(double.host)
  const sbom = { ...createArtifact(image.descriptor), artifactType: 'application/spdx+json' }
  const { digest } = await store.attach(sbom)
  await store.attach(createArtifact(await store.resolve({ digest }), 'not a bundle'))

  const result = await folder.run(`discover ${app}:v1`)

  expect(result.exitCode).toBe(0)
  expect(result.stderr).toBe('not verified; to verify it: countersign verify\n')
  expect(readable(result.stdout, double.host)).toBe(
    [
      'oci://HOST/app:v1',
      'IMAGE',
      '├── signature  SIZE, key hint HINT…',
      '│   DIGEST',
      '├── cyclonedx  SIZE, key hint HINT…',
      '│   DIGEST',
      '├── application/spdx+json  SIZE',
      '│   DIGEST',
      '│   └── application/vnd.dev.sigstore.bundle.v0.3+json  SIZE',
      '│       DIGEST',
      '│       unreadable: malformed Sigstore bundle: it.mediaType is missing [ERR_BUNDLE_INVALID]',
      '└── legacy signature  SIZE',
      '    DIGEST',
      '',
    ].join('\n'),
  )
})

test('an image with nothing attached says so', async () => {
  const { folder, app } = await createImageScene()

  const { stdout, exitCode } = await folder.run(`discover ${app}@${DIGEST}`)

  expect(exitCode).toBe(0)
  expect(stdout).toBe(`${app}\n${DIGEST}\n└── nothing is attached\n`)
})

test('--json holds the same tree, and says that nothing is verified', async () => {
  const { folder, app } = await createImageScene()
  await folder.run(`sign ${app}:v1 --key @release.pem`)

  const result = await folder.run(`discover ${app}:v1 --json`)

  expect(documentOf(result)).toMatchObject({
    schema: 'https://countersign.dev/schemas/discovery/v1',
    ok: true,
    isVerified: false,
    artifacts: [
      {
        digest: DIGEST,
        attached: [
          {
            predicateType: 'https://sigstore.dev/cosign/sign/v1',
            bundle: { content: 'statement', logEntries: 0, timestamps: 0 },
            attached: [],
          },
        ],
      },
    ],
  })
})

test('--recursive lists every image of an index', async () => {
  const { folder, double, app } = await createImageScene()
  const other = createImage('other')
  await pushImage(double.host, other)
  const index = createIndex(image, other)
  await pushImage(double.host, index, { tag: 'multi' })
  await folder.run(`sign ${app}@${other.descriptor.digest} --key @release.pem`)

  const { stdout } = await folder.run(`discover -r ${app}:multi`)

  expect(stdout.match(/^oci:.*\n.*$/gm)).toEqual([
    `${app}:multi\n${index.descriptor.digest}`,
    `${app}\n${DIGEST}`,
    `${app}\n${other.descriptor.digest}`,
  ])
})

test('an unreachable registry is an error, not an empty tree', async () => {
  const { folder, double, app } = await createImageScene()
  double.switches.faults.push({ on: /referrers/, answer: refuse(500) })

  const result = await folder.run(`discover ${app}:v1`)

  expect(result).toMatchObject({ exitCode: 7, stdout: '' })
})

test('the bundles beside a file are its tree', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('app.txt', 'hello\n')
  folder.write('p.json', '{}')
  await folder.run('sign @app.txt --key @release.pem')
  await folder.run('attest @app.txt --key @release.pem --type custom --predicate @p.json')

  const { stdout } = await folder.run('discover @app.txt')

  expect(stdout).toMatch(/^@app.txt\n├── signature {2}\d+ B, key hint \S+…\n│ {3}sha256:/)
  expect(stdout).toMatch(/\n└── custom {2}\d+ B, key hint \S+…\n {4}sha256:/)
})

test.each([
  ['discover @gone', 2, '[ERR_ARTIFACT_NOT_FOUND]'],
  ['discover -', 2, '[ERR_USAGE]'],
  ['discover @a @b', 2, 'too many arguments'],
])('"%s" is refused', async (line, exitCode, message) => {
  const result = await createSigningFolder().run(line)

  expect(result.exitCode).toBe(exitCode)
  expect(result.stderr).toContain(message)
})
