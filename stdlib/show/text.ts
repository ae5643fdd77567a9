/**
 * Rows of cells as text in columns: numbers to the right, texts to the left, the first row a heading.
 *
 * @example
 * console.log(table([['model', 'accuracy'], ['clip', 0.63]]))
 */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const columns = rows.reduce((most, row) => Math.max(most, row.length), 0)
  const widths = Array.from({ length: columns }, (_, c) => Math.max(...rows.map((row) => String(row[c] ?? '').length)))
  const isNumeric = widths.map((_, c) => rows.slice(1).every((row) => typeof row[c] === 'number'))
  const line = (cells: readonly string[]): string =>
    widths
      .map((width, c) => (isNumeric[c] ? (cells[c] ?? '').padStart(width) : (cells[c] ?? '').padEnd(width)))
      .join('  ')
      .trimEnd()
  const [head, ...body] = rows.map((row) => line(row.map(String)))
  if (head === undefined) return ''
  return [head, widths.map((width) => '─'.repeat(width)).join('  '), ...body].join('\n')
}

/** A number with four significant digits, as a reader wants it: 0.01234, 12.34, 1.234e-5. */
export function brief(x: number): string {
  const rounded = Number(x.toPrecision(4))
  const isLong = rounded !== 0 && (Math.abs(rounded) < 1e-3 || Math.abs(rounded) >= 1e6)
  return isLong ? rounded.toExponential() : String(rounded)
}

/** Seconds as '42 s', '3 min 20 s', '2 h 5 min'. */
export function duration(seconds: number): string {
  const s = Math.round(seconds)
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
}
