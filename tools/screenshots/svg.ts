/** What a terminal of 80 columns shows, as an SVG of text: a change of a word is a change of a line. */
const COLUMNS = 80
const CELL = { width: 8.4, height: 18 } as const
const MARGIN = 16

const COLOURS: Readonly<Record<string, string>> = {
  '1': 'font-weight="bold"',
  '2': 'fill="#8b949e"',
  '31': 'fill="#ff7b72"',
  '32': 'fill="#56d364"',
}

/** Renders the output of commands; its escape sequences may be the colours of our terminal alone. */
export function renderSvg(title: string, output: string): string {
  const lines = output.replace(/\n$/, '').split('\n')
  const width = Math.ceil(COLUMNS * CELL.width + 2 * MARGIN)
  const height = lines.length * CELL.height + 2 * MARGIN
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    `<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14" fill="#e6edf3" xml:space="preserve">`,
    ...lines.map((line, index) => renderLine(line, MARGIN + (index + 0.75) * CELL.height)),
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

/** Each part is as wide as its cells, whatever font a reader has. */
function renderLine(line: string, y: number): string {
  let column = 0
  const parts = splitStyles(line).map(([style, text]) => {
    const x = MARGIN + column * CELL.width
    column += text.length
    if (text.trim() === '') return ''
    const length = `textLength="${round(text.length * CELL.width)}" lengthAdjust="spacingAndGlyphs"`
    return `<tspan x="${round(x)}" ${length}${style}>${escapeXml(text)}</tspan>`
  })
  return `<text y="${round(y)}">${parts.join('')}</text>`
}

function splitStyles(line: string): readonly (readonly [style: string, text: string])[] {
  // eslint-disable-next-line no-control-regex -- the codes of colours start with one
  const parts = line.split(/\u001b\[(\d+)m/)
  return parts.flatMap((text, index) => {
    if (index % 2 === 1 || text === '') return []
    const style = COLOURS[parts[index - 1] ?? '']
    return [[style === undefined ? '' : ` ${style}`, text] as const]
  })
}

function round(length: number): string {
  return String(Math.round(length * 10) / 10)
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
