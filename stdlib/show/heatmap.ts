import sharp from 'sharp'
import { FoveaError } from '../../compiler/trace/error.js'
import { brief } from './text.js'

export interface Heatmap {
  readonly title: string
  /** What rows and columns are, such as 'true class' and 'predicted class'. */
  readonly axes: readonly [rows: string, columns: string]
  readonly rows: readonly string[]
  readonly columns: readonly string[]
  /** A number a cell, row by row. */
  readonly values: ArrayLike<number>
}

/** A picture of more cells can't be read, and grows without bound. */
const most = 100

/**
 * A matrix as a picture, as SVG text: the darker a cell the higher its value. Numbers stand in the cells where there is room.
 * Throws FoveaError 'input' for more than 100 rows or columns, or when values and names don't fit.
 *
 * @example
 * const svg = heatmap({ title: 'Confusion', axes: ['true', 'predicted'], rows: ['a', 'b'], columns: ['a', 'b'], values: [3, 1, 0, 4] })
 */
export function heatmap({ title, axes, rows, columns, values }: Heatmap): string {
  const [n, m] = [rows.length, columns.length]
  if (n === 0 || m === 0 || n > most || m > most || values.length !== n * m)
    throw new FoveaError(
      'input',
      `heatmap: expected 1 to ${most} rows and columns and a value a cell, got ${n} x ${m} and ${values.length} values`,
    )
  const finite = Array.from(values).filter(Number.isFinite)
  const [low, high] = [Math.min(...finite), Math.max(...finite)]
  const cell = Math.max(8, Math.min(56, Math.floor(640 / Math.max(n, m))))
  const font = Math.min(13, cell)
  const label = (text: string): string => (text.length > 28 ? `${text.slice(0, 27)}…` : text)
  const margin = (names: readonly string[]): number => 44 + 0.6 * font * Math.max(...names.map((s) => label(s).length))
  const [left, top] = [margin(rows), 44 + margin(columns)]
  const [width, height] = [
    Math.ceil(Math.max(left + m * cell + 24, 9 * title.length + 48)),
    Math.ceil(top + n * cell + 24),
  ]
  const cells: string[] = []
  for (let i = 0; i < n; i++)
    for (let j = 0; j < m; j++) {
      const value = values[i * m + j]
      const part = Number.isFinite(value) ? (high > low ? (value - low) / (high - low) : 0.5) : 0
      const [x, y] = [(left + j * cell).toFixed(1), (top + i * cell).toFixed(1)]
      const what = escapeXml(`${rows[i]}, ${columns[j]}: ${brief(value)}`)
      cells.push(
        `<rect x="${x}" y="${y}" width="${cell}" height="${cell}" fill="${colour(part)}"><title>${what}</title></rect>`,
      )
      if (cell >= 28)
        cells.push(
          `<text x="${(left + (j + 0.5) * cell).toFixed(1)}" y="${(top + (i + 0.5) * cell + 4).toFixed(1)}" text-anchor="middle" font-size="11" fill="${part > 0.4 ? '#ffffff' : '#1f2328'}">${inCell(value)}</text>`,
        )
    }
  const names = [
    ...rows.map(
      (name, i) =>
        `<text x="${(left - 8).toFixed(1)}" y="${(top + (i + 0.5) * cell + font / 3).toFixed(1)}" text-anchor="end">${escapeXml(label(name))}</text>`,
    ),
    ...columns.map(
      (name, j) =>
        `<text transform="translate(${(left + (j + 0.5) * cell + font / 3).toFixed(1)} ${(top - 8).toFixed(1)}) rotate(-90)">${escapeXml(label(name))}</text>`,
    ),
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="Helvetica, Arial, sans-serif" font-size="${font}" fill="#57606a">
<rect width="${width}" height="${height}" fill="#ffffff"/>
<text x="24" y="28" font-size="17" font-weight="bold" fill="#1f2328">${escapeXml(title)}</text>
<text x="${(left + (m * cell) / 2).toFixed(1)}" y="54" font-size="13" text-anchor="middle">${escapeXml(axes[1])}</text>
<text transform="translate(20 ${(top + (n * cell) / 2).toFixed(1)}) rotate(-90)" font-size="13" text-anchor="middle">${escapeXml(axes[0])}</text>
${cells.join('\n')}
${names.join('\n')}
</svg>
`
}

/** {@link heatmap} as PNG bytes, at twice the size. */
export async function heatmapPng(map: Heatmap): Promise<Uint8Array> {
  return sharp(Buffer.from(heatmap(map)), { density: 144 })
    .png()
    .toBuffer()
}

/** From near white to the blue of our curves, and on to a dark blue. */
function colour(part: number): string {
  const stops = [
    [246, 248, 250],
    [9, 105, 218],
    [5, 45, 110],
  ]
  const at = Math.min(1, Math.floor(part * 2))
  const mix = stops[at].map((from, c) => Math.round(from + (stops[at + 1][c] - from) * (part * 2 - at)))
  return `#${mix.map((x) => x.toString(16).padStart(2, '0')).join('')}`
}

const inCell = (value: number): string => (Number.isInteger(value) ? String(value) : value.toFixed(2))

/** Text as it may stand in XML and HTML, in attributes too. Control characters, which XML forbids, are left out. */
export const escapeXml = (text: string): string =>
  Array.from(text)
    .filter((c) => c >= ' ' && c !== '\x7f')
    .join('')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
