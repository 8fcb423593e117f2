/**
 * What an entry point of the library exports, with the examples of its documentation, by the text of its modules.
 *
 * @packageDocumentation
 */
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { readProjectFile } from '../project.ts'

/** An exported name. */
export interface PublicName {
  readonly name: string
  /** The module that declares it. */
  readonly module: string
  readonly isType: boolean
  /** Text of its declaration, without documentation. */
  readonly declaration: string
  /** Programs of its `@example` blocks. */
  readonly examples: readonly string[]
}

/** Lists the names that a module exports, its own and those that it passes on. */
export function readPublicNames(module: string): readonly PublicName[] {
  return parse(module).statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement)) return declaredNames(module, statement)
    const from = moduleOf(module, statement)
    const { exportClause } = statement
    if (exportClause === undefined) return readPublicNames(from)
    if (!ts.isNamedExports(exportClause)) throw new Error(`${module} renames a whole module`)
    const wanted = new Set(exportClause.elements.map(({ name }) => name.text))
    return parse(from)
      .statements.flatMap((declared) => declaredNames(from, declared))
      .filter(({ name }) => wanted.has(name))
  })
}

/**
 * Finds types that no value takes or returns, directly or through other types: a caller could do nothing with them.
 */
export function findIdleTypes(names: readonly PublicName[]): readonly string[] {
  const types = new Map(names.filter(({ isType }) => isType).map((one) => [one.name, one]))
  const waiting = names.filter(({ isType }) => !isType)
  const seen = new Set<string>()
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const [word] of next.declaration.matchAll(/\w+/g)) {
      const type = types.get(word)
      if (type === undefined || seen.has(word)) continue
      seen.add(word)
      waiting.push(type)
    }
  }
  return [...types.keys()].filter((name) => !seen.has(name))
}

function parse(module: string): ts.SourceFile {
  return ts.createSourceFile(module, readProjectFile(module), ts.ScriptTarget.Latest, true)
}

function moduleOf(module: string, { moduleSpecifier }: ts.ExportDeclaration): string {
  if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return module
  return join(dirname(module), moduleSpecifier.text)
}

function declaredNames(module: string, statement: ts.Statement): PublicName[] {
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : []
  if (!modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return []
  const declarations = ts.isVariableStatement(statement)
    ? statement.declarationList.declarations
    : [statement as ts.Node as ts.Declaration]
  return declarations.map((declaration) => ({
    name: ts.getNameOfDeclaration(declaration)?.getText() ?? '',
    module,
    isType: ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement),
    declaration: signatureOf(statement),
    examples: examplesOf(statement),
  }))
}

/** A function without its body: what it does inside is not what callers see. */
function signatureOf(statement: ts.Statement): string {
  const text = statement.getText()
  if (!ts.isFunctionDeclaration(statement) || statement.body === undefined) return text
  return text.slice(0, text.length - statement.body.getText().length)
}

function examplesOf(statement: ts.Statement): readonly string[] {
  return ts
    .getJSDocTags(statement)
    .filter(({ tagName }) => tagName.text === 'example')
    .map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? '')
    .flatMap((text) => [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = '']) => code))
}
