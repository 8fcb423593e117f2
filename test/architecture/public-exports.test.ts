import ts from 'typescript'
import { expect, test } from 'vitest'
import { readProjectFile } from '../support/project.ts'

/** The modules that package.json's `exports` opens to callers. */
const DOORS = ['src/index.ts', 'src/verify.ts', 'src/errors.ts', 'src/jose.ts', 'src/testing.ts']

/** Lists what a module exports, by its own text; of a whole module passed on, where it comes from. */
function exportedNames(path: string): string[] {
  const source = ts.createSourceFile(path, readProjectFile(path), ts.ScriptTarget.Latest, true)
  return source.statements.flatMap((statement) => {
    if (ts.isExportDeclaration(statement)) {
      const { exportClause, moduleSpecifier } = statement
      if (exportClause === undefined) return [`* from ${moduleSpecifier?.getText() ?? ''}`]
      return ts.isNamedExports(exportClause)
        ? exportClause.elements.map(({ name }) => name.text)
        : [exportClause.name.text]
    }
    return isExported(statement) ? declaredNames(statement) : []
  })
}

function isExported(statement: ts.Statement): boolean {
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : []
  return modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
}

function declaredNames(statement: ts.Statement): string[] {
  const declarations = ts.isVariableStatement(statement)
    ? statement.declarationList.declarations
    : [statement]
  return declarations.map(
    (node) => ts.getNameOfDeclaration(node as ts.Declaration)?.getText() ?? '',
  )
}

test('the public library exports exactly the names of public-exports.txt', async () => {
  const lines = DOORS.flatMap((door) =>
    exportedNames(door)
      .toSorted()
      .map((name) => `${door} ${name}\n`),
  )

  await expect(lines.join('')).toMatchFileSnapshot('public-exports.txt')
})
