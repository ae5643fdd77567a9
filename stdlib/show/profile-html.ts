import type { Profile } from '../../index.js'
import { showBytes } from '../../runtime/bytes.js'
import { escapeXml } from './heatmap.js'
import { flame } from './profile-flame.js'
import { escapeText, kernelGraph } from './profile-graph.js'
import { script, style } from './profile-page.js'
import { count, percent, ratesOf, showMs, showPlace, sumOf } from './profile-text.js'
import { type ScopeNode, scopeTree } from './scopes.js'

/**
 * A profile as one HTML page that needs nothing else: time by scope, tables of kernels, scopes and lines that sort at a
 * click, memory over the call, and the graph of kernels. Names of the program are text in it, whatever they hold.
 *
 * @example
 * await writeFile('profile.html', profileHtml(await profile(exp, [ones([64])], { rounds: 3 })))
 */
export function profileHtml(profile: Profile): string {
  const { name, device, rounds, call, parts, limits, once, memory, dispatches } = profile
  const card = (value: string, what: string): string =>
    `<div class="card"><b>${escapeXml(value)}</b><span>${escapeXml(what)}</span></div>`
  const runs = dispatches.reduce((sum, d) => sum + d.runs, 0)
  const title = escapeXml(`${name}: profile`)
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeXml(name)}</h1>
<p>${escapeXml(`${device.description || device.kind} (${device.kind}, ${device.backend}), medians of ${count(rounds, 'round')}`)}</p>
<div class="cards">
${card(`${showMs(call.median)} ms`, `a call; the least ${showMs(call.min)} ms`)}
${card(`${showMs(parts.median)} ms`, `${count(runs, 'run')} of ${count(dispatches.length, 'dispatch')}, one by one; the least ${showMs(parts.min)} ms`)}
${card(`${(limits.flops / 1e9).toFixed(1)} GFLOP/s`, 'the most this device did in products and multiply-adds')}
${card(`${(limits.bytes / 1e9).toFixed(1)} GB/s`, 'the most it read and wrote')}
${card(showBytes(memory.peak), `temporaries and results at most; arguments ${showBytes(memory.arguments)}`)}
${card(`${showMs(once.trace + once.compile + once.load)} ms`, `once: trace ${showMs(once.trace)}, compile ${showMs(once.compile)}, load ${showMs(once.load)}; upload ${showMs(once.upload)}, read ${showMs(once.read)}`)}
</div>
<h2>Time by scope</h2>
<p>Named scopes, the outermost on top, and below them ops by line. A fused kernel's time is shared out over its equations by their work.</p>
${flame(profile)}
<h2>Kernels</h2>
<p>“Of limit” is the time that the device's measured limits allow for a kernel's operations, or its bytes if those take longer, over the time that it takes. Data that stays in caches can exceed it.</p>
${kernelTable(profile)}
<h2>Scopes</h2>
${scopeTable(profile)}
<h2>Lines</h2>
${lineTable(profile)}
<h2>Memory</h2>
<p>Bytes of temporaries and results over the dispatches of a call.</p>
${memoryChart(profile)}
${holderTable(profile)}
<h2>Graph of kernels</h2>
<p>Each stands below what it waits for; a thicker line carries more bytes. The bar is its time against that of the longest. Point at one to see its neighbours.</p>
<div class="scroll">${kernelGraph(profile)}</div>
<footer>Made by fovea profile.</footer>
<script>${script}</script>
</body>
</html>
`
}

interface Cell {
  readonly text: string
  /** What is sorted by, for a number. */
  readonly value?: number
  readonly className?: string
  /** A bar before the text, of this part of its length. */
  readonly part?: number
}
const text = (s: string, className?: string): Cell => ({ text: s, className })
const number = (value: number, shown: string, part?: number): Cell => ({ text: shown, value, part })

function tableOf(heads: readonly string[], rows: readonly (readonly Cell[])[], sorted?: number): string {
  const isNumber = (column: number): boolean => rows.length > 0 && rows[0][column].value !== undefined
  const head = heads.map(
    (h, i) =>
      `<th scope="col"${isNumber(i) ? ' class="n"' : ''}${i === sorted ? ' aria-sort="descending"' : ''}><button type="button">${escapeXml(h)}</button></th>`,
  )
  const cell = ({ text: shown, value, className, part }: Cell): string => {
    const classes = [value === undefined ? '' : 'n', className ?? ''].filter(Boolean).join(' ')
    const bar =
      part === undefined
        ? ''
        : `<span class="bar${part < 0.25 ? ' low' : ''}" style="--part: ${(100 * Math.min(1, part)).toFixed(1)}%"></span>`
    return `<td${classes ? ` class="${classes}"` : ''}${value === undefined ? '' : ` data-v="${value}"`}>${bar}${escapeText(shown)}</td>`
  }
  return `<div class="scroll"><table><thead><tr>${head.join('')}</tr></thead><tbody>${rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n')}</tbody></table></div>`
}

function kernelTable({ dispatches }: Profile): string {
  const total = sumOf(dispatches)
  let running = 0
  const rows = [...dispatches]
    .sort((a, b) => b.ms - a.ms)
    .map((d) => {
      running += d.ms
      const rates = ratesOf(d)
      return [
        number(d.ms, percent(d.ms, total)),
        number(running, percent(running, total)),
        number(d.ms, showMs(d.ms)),
        number(d.runs, String(d.runs)),
        number(rates.flops, rates.flops.toFixed(1)),
        number(rates.bytes, rates.bytes.toFixed(1)),
        number(d.ofLimit, `${percent(d.ofLimit, 1)} ${d.bound}`, d.ofLimit),
        text(d.label),
        text(d.scope, 'soft'),
        text(showPlace(d.loc), 'soft'),
        number(d.number, String(d.number)),
      ]
    })
  const heads = ['time', 'so far', 'ms', 'runs', 'GFLOP/s', 'GB/s', 'of limit', 'kernel', 'scope', 'line', 'dispatch']
  return tableOf(heads, rows, 0)
}

function scopeTable({ scopes, dispatches }: Profile): string {
  const total = sumOf(dispatches)
  const rows: Cell[][] = []
  const visit = (node: ScopeNode, depth: number): void => {
    for (const child of node.children) {
      rows.push([
        number(child.total, percent(child.total, total)),
        number(child.total, showMs(child.total)),
        number(child.self, showMs(child.self)),
        text(`${'    '.repeat(depth)}${child.name}`, 'tree'),
      ])
      visit(child, depth + 1)
    }
  }
  visit(scopeTree(scopes), 0)
  return tableOf(['time', 'ms', 'own ms', 'scope'], rows)
}

function lineTable({ lines, dispatches }: Profile): string {
  const total = sumOf(dispatches)
  const rows = lines.map((p) => [
    number(p.ms, percent(p.ms, total)),
    number(p.ms, showMs(p.ms)),
    text(showPlace(p.loc) || '(no line)'),
    text(p.loc?.file ?? '', 'soft'),
  ])
  return tableOf(['time', 'ms', 'line', 'file'], rows, 0)
}

function holderTable({ memory, dispatches }: Profile): string {
  const rows = memory.holders.map((h) => {
    const d = dispatches[h.dispatch]
    return [
      number(h.bytes, showBytes(h.bytes)),
      text(h.kind === 'output' ? 'result' : 'temporary'),
      text(d.label),
      text(d.scope, 'soft'),
      text(showPlace(d.loc), 'soft'),
    ]
  })
  if (!rows.length) return ''
  return `<h2>Held at the peak</h2>${tableOf(['bytes', 'kind', 'written by', 'scope', 'line'], rows, 0)}`
}

const chart = { width: 1280, height: 220, left: 84, right: 12, top: 12, bottom: 28 }

function memoryChart({ memory, dispatches }: Profile): string {
  const { live, peak } = memory
  if (!live.length || peak === 0) return '<p>None.</p>'
  const x = (i: number): number => chart.left + (i / live.length) * (chart.width - chart.left - chart.right)
  const y = (bytes: number): number =>
    chart.height - chart.bottom - (bytes / peak) * (chart.height - chart.top - chart.bottom)
  const steps = live.map(({ bytes }, i) => `L${x(i).toFixed(1)} ${y(bytes).toFixed(1)}H${x(i + 1).toFixed(1)}`).join('')
  const spans = live.map(({ dispatch, bytes }, i) => {
    const d = dispatches[dispatch]
    return `<rect x="${x(i).toFixed(1)}" y="${chart.top}" width="${(x(i + 1) - x(i)).toFixed(1)}" height="${chart.height - chart.top - chart.bottom}" fill="transparent"><title>${escapeText(`${d.number}: ${d.label}\n${d.scope}\n${showBytes(bytes)}`)}</title></rect>`
  })
  const grid = [0, 0.5, 1].map(
    (part) =>
      `<path d="M${chart.left} ${y(part * peak)}H${chart.width - chart.right}" stroke="var(--line)"/><text x="${chart.left - 8}" y="${y(part * peak) + 4}" text-anchor="end" class="soft">${showBytes(Math.round(part * peak))}</text>`,
  )
  const base = y(0)
  return `<svg class="memory" xmlns="http://www.w3.org/2000/svg" width="100%" viewBox="0 0 ${chart.width} ${chart.height}" role="img" aria-label="Memory over the call">${grid.join('')}<path d="M${x(0)} ${base}${steps}V${base}Z" fill="var(--blue)" fill-opacity="0.25" stroke="var(--blue)"/>${spans.join('')}<text x="${chart.left}" y="${chart.height - 8}" class="soft">first dispatch</text><text x="${chart.width - chart.right}" y="${chart.height - 8}" text-anchor="end" class="soft">last, ${live.length}</text></svg>`
}
