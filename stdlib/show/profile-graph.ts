import type { Profile, ProfiledDispatch } from '../../index.js'
import { showBytes } from '../../runtime/bytes.js'
import { escapeXml } from './heatmap.js'
import { percent, showMs, showPlace, sumOf } from './profile-text.js'

const [boxWidth, boxHeight, gapX, gapY, margin] = [280, 46, 26, 34, 16]

/**
 * The kernels as boxes, from what they read to what they make: each stands a row below the last that it waits for, and in its
 * row where the arrays it reads come from. Arrows that lead back are those of loops.
 */
export function kernelGraph({ dispatches, edges }: Profile): string {
  const total = sumOf(dispatches)
  const rows: number[] = dispatches.map(() => 0)
  const forward = edges.filter((e) => e.from < e.to)
  const into = dispatches.map((): number[] => [])
  for (const { from, to } of forward) into[to].push(from)
  dispatches.forEach((_, i) => {
    for (const from of into[i]) rows[i] = Math.max(rows[i], rows[from] + 1)
  })
  const columns = placeColumns(rows, into)
  const x = (i: number): number => margin + columns[i] * (boxWidth + gapX)
  const y = (i: number): number => margin + rows[i] * (boxHeight + gapY)
  const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0)
  const longest = most(dispatches.map((d) => d.ms))
  const width = 2 * margin + (most(columns) + 1) * (boxWidth + gapX)
  const height = 2 * margin + (most(rows) + 1) * (boxHeight + gapY)

  const paths = edges.map(({ from, to, bytes }) => {
    const [x1, y1, x2, y2] = [x(from) + boxWidth / 2, y(from) + boxHeight, x(to) + boxWidth / 2, y(to)]
    const bend = Math.max(18, Math.min(90, Math.abs(y2 - y1) / 2))
    // Long ones go round what stands between.
    const aside = rows[to] - rows[from] > 1 && columns[from] === columns[to] ? boxWidth / 2 + gapX / 2 : 0
    const d = `M${x1} ${y1}C${x1 + aside} ${y1 + bend} ${x2 + aside} ${y2 - bend} ${x2} ${y2}`
    return `<path data-a="${from}" data-b="${to}" d="${d}"${rows[to] - rows[from] > 3 ? ' class="far"' : ''} stroke-width="${1 + Math.log2(1 + bytes / 2 ** 16) / 4}"><title>${showBytes(bytes)}</title></path>`
  })
  const boxes = dispatches.map((d) => {
    const line = [d.scope, showPlace(d.loc)].filter(Boolean).join('  ')
    const times = d.runs === 1 ? '' : `${d.runs} runs, `
    const title = `${d.number}: ${d.label}\n${line}\n${times}${showMs(d.ms)} ms, ${percent(d.ms, total)} of the time, ${percent(d.ofLimit, 1)} of the ${d.bound} limit`
    const heat = longest > 0 ? (boxWidth * d.ms) / longest : 0
    return `<g data-n="${d.number}" transform="translate(${x(d.number)} ${y(d.number)})"><title>${escapeText(title)}</title><rect width="${boxWidth}" height="${boxHeight}" rx="6"/><rect class="heat" y="${boxHeight - 4}" width="${heat.toFixed(1)}" height="4" rx="2"/><text x="8" y="17">${escapeXml(cut(d.label, 35))}</text><text x="8" y="34" class="soft">${escapeXml(cut(second(d, line), 38))}</text></g>`
  })
  return `<svg class="graph" xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="Graph of kernels">${paths.join('')}${boxes.join('')}</svg>`
}

const second = (d: ProfiledDispatch, line: string): string =>
  [`${showMs(d.ms)} ms`, ...(d.runs === 1 ? [] : [`${d.runs}×`]), ...(line ? [line] : [])].join(' · ')

/** A column of its row for each: that of the first it reads from, or the nearest free one. */
function placeColumns(rows: readonly number[], into: readonly (readonly number[])[]): number[] {
  const taken = new Set<string>()
  const columns: number[] = []
  rows.forEach((row, i) => {
    const wanted = into[i].length ? columns[into[i].reduce((a, b) => (rows[b] > rows[a] ? b : a))] : 0
    for (let off = 0; columns[i] === undefined; off++)
      for (const column of [wanted + off, wanted - off])
        if (columns[i] === undefined && column >= 0 && !taken.has(`${row} ${column}`)) columns[i] = column
    taken.add(`${row} ${columns[i]}`)
  })
  return columns
}

export const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text)
/** Lines stay lines. */
export const escapeText = (text: string): string => text.split('\n').map(escapeXml).join('\n')
