import ts from 'typescript'

/** What a source file is made of, as far as the style bars ask. Places read `path:line`. */
export interface SourceMeasures {
  readonly path: string
  readonly lines: number
  readonly code: readonly CodeLine[]
  readonly commentLines: number
  /** The text of every comment, line by line. */
  readonly comments: readonly CodeLine[]
  /** Length of every function that has a body of statements. */
  readonly functionLines: readonly number[]
  /** Every `as` but `as const`. */
  readonly casts: readonly string[]
  /** Every `any` and `!`. */
  readonly typeHoles: readonly string[]
  readonly undocumentedExports: readonly string[]
  /** Reads of the machine's clock. */
  readonly clockReads: readonly string[]
}

/** One line of a file, trimmed. */
export interface CodeLine {
  readonly place: string
  readonly text: string
}

/** Measures one TypeScript source. */
export function measureSource(path: string, text: string): SourceMeasures {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const nodes = descendants(source)
  const places = (test: (node: ts.Node) => boolean): string[] =>
    nodes.filter(test).map((node) => `${path}:${lineAt(source, node.getStart(source))}`)
  const lines = text.split('\n').map((line, index) => ({ number: index + 1, text: line.trim() }))
  const filled = lines.filter((line) => line.text !== '')
  const commented = linesOf(source, commentRanges(source, nodes))
  const imported = linesOf(source, nodes.filter(ts.isImportDeclaration).map(toRange(source)))
  const toCodeLine = (line: { number: number; text: string }): CodeLine => ({
    place: `${path}:${line.number}`,
    text: line.text,
  })
  return {
    path,
    lines: lines.length - 1,
    code: filled
      .filter(({ number }) => !commented.has(number) && !imported.has(number))
      .map(toCodeLine),
    commentLines: commented.size,
    comments: filled.filter(({ number }) => commented.has(number)).map(toCodeLine),
    functionLines: nodes.filter(hasStatements).map((node) => countLines(source, node)),
    casts: places((node) => ts.isAsExpression(node) && !ts.isConstTypeReference(node.type)),
    typeHoles: places(
      (node) => node.kind === ts.SyntaxKind.AnyKeyword || ts.isNonNullExpression(node),
    ),
    undocumentedExports: places(isUndocumentedExport),
    clockReads: places(isClockRead),
  }
}

function descendants(node: ts.Node): ts.Node[] {
  return [node, ...node.getChildren().flatMap(descendants)]
}

/** The comments of a file: each leads or trails some token. */
function commentRanges(source: ts.SourceFile, nodes: readonly ts.Node[]): ts.TextRange[] {
  return nodes.flatMap(({ pos, end }) => [
    ...(ts.getLeadingCommentRanges(source.text, pos) ?? []),
    ...(ts.getTrailingCommentRanges(source.text, end) ?? []),
  ])
}

/** The numbers of the lines that ranges fill; a comment behind code fills none. */
function linesOf(source: ts.SourceFile, ranges: readonly ts.TextRange[]): Set<number> {
  const lines = new Set<number>()
  for (const { pos, end } of ranges) {
    const lineStart = source.text.lastIndexOf('\n', pos - 1) + 1
    if (source.text.slice(lineStart, pos).trim() !== '') continue
    for (let line = lineAt(source, pos); line <= lineAt(source, end); line++) lines.add(line)
  }
  return lines
}

function toRange(source: ts.SourceFile): (node: ts.Node) => ts.TextRange {
  return (node) => ({ pos: node.getStart(source), end: node.end })
}

function lineAt(source: ts.SourceFile, position: number): number {
  return source.getLineAndCharacterOfPosition(position).line + 1
}

function countLines(source: ts.SourceFile, node: ts.Node): number {
  return lineAt(source, node.end) - lineAt(source, node.getStart(source)) + 1
}

function hasStatements(node: ts.Node): boolean {
  if (ts.isArrowFunction(node)) return ts.isBlock(node.body)
  return ts.isFunctionLike(node) && 'body' in node && node.body !== undefined
}

function isUndocumentedExport(node: ts.Node): boolean {
  return (
    ts.canHaveModifiers(node) &&
    (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) &&
    ts.getJSDocCommentsAndTags(node).length === 0 &&
    !isStandardConstant(node)
  )
}

/** A constant of PKCS#11 by its own name: the standard says what it means, and words here would repeat it. */
function isStandardConstant(node: ts.Node): boolean {
  return (
    ts.isVariableStatement(node) &&
    node.declarationList.declarations.every(({ name }) =>
      /^CK[A-Z]_[A-Z0-9_]+$/.test(name.getText()),
    )
  )
}

function isClockRead(node: ts.Node): boolean {
  const isCall = ts.isCallExpression(node) || ts.isNewExpression(node)
  return isCall && /^(Date\.now|new Date|performance\.now)\(\)$/.test(node.getText())
}
