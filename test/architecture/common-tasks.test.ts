/** CONTRIBUTING lists the files that common tasks touch: held against an example of each. */
import { expect, test } from 'vitest'
import { listProjectFiles, readProjectFile } from '../support/project.ts'

interface Task {
  /** Words of its heading. */
  readonly task: string
  /** What stands for NAME. */
  readonly name: string
  /** Where a file has it, the file is part of the example. */
  readonly pattern: RegExp
}

const TASKS: readonly Task[] = [
  {
    task: 'An endpoint',
    name: 'approvals',
    pattern: /approvalRoutes|'\/?v1\/approvals|operationId: 'listApprovals'/,
  },
  {
    task: 'A member of an audit-log entry',
    name: 'certificatesSha256',
    pattern: /\bcertificatesSha256\b/,
  },
  { task: 'A predicate type', name: 'openvex', pattern: /openvex/ },
  { task: 'A rotation rule', name: 'auditWindow', pattern: /\bauditWindow(?:Seconds)?\b/ },
  {
    task: 'A command',
    name: 'discover',
    pattern: /commands\/discover\.ts|new Command\('discover'\)|^ {2}discover:/m,
  },
]

const SOURCES = listProjectFiles('src/**/*.ts', 'cli/**/*.ts', 'action/*.ts')

/** The files that a section of CONTRIBUTING names, folders as they are. */
function listed({ task, name }: Task): readonly string[] {
  const [, section = ''] = readProjectFile('CONTRIBUTING.md').split(`\n**${task}**`)
  const [list = ''] = section.split(/\n(?:\*\*|###)/)
  return [...list.matchAll(/`((?:src|cli|test|docs)\/[^`]*)`/g)].map(([, path = '']) =>
    path.replace('NAME', name),
  )
}

test.each(TASKS)('$task touches the files that CONTRIBUTING lists, and no other', (task) => {
  const paths = listed(task)
  const touched = SOURCES.filter((path) => task.pattern.test(readProjectFile(path)))

  expect(touched.length).toBeGreaterThan(0)
  expect(touched.filter((path) => !paths.includes(path))).toEqual([])
})

test.each(TASKS)('every file that CONTRIBUTING lists for "$task" exists', (task) => {
  const paths = listed(task)

  expect(paths.filter((path) => path.startsWith('test/'))).not.toEqual([])
  expect(paths.filter((path) => listProjectFiles(path).length === 0)).toEqual([])
})

// Files with a choice ("or another client", "if …") are not part of every example.
test.each(TASKS)(
  'what CONTRIBUTING lists without a condition is part of the example: $task',
  (task) => {
    const [, section = ''] = readProjectFile('CONTRIBUTING.md').split(`\n**${task.task}**`)
    const [list = ''] = section.split(/\n(?:\*\*|###)/)
    const demanded = list
      .split('\n')
      .filter((line) => !/ or |, if /.test(line.split(':')[0] ?? ''))
      .flatMap((line) => [...(line.split(':')[0] ?? '').matchAll(/`((?:src|cli)\/[^`]*\.ts)`/g)])
      .map(([, path = '']) => path.replace('NAME', task.name))

    expect(demanded).not.toEqual([])
    expect(demanded.filter((path) => !task.pattern.test(readProjectFile(path)))).toEqual([])
  },
)
