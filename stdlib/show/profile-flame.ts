import type { Profile } from '../../index.js'
import { escapeText } from './profile-graph.js'
import { percent, showMs, showPlace } from './profile-text.js'
import { type ScopeNode, scopeTree } from './scopes.js'

const [width, rowHeight] = [1280, 24]
const hues = [205, 25, 145, 45, 265, 350, 175, 95]

/** Time by named scope, the outermost on top; below each scope its ops by line. As wide as the time it took. */
export function flame({ dispatches }: Profile): string {
  const leaves = new Map<string, number>()
  for (const { ms, parts } of dispatches)
    for (const { op, scope, loc, share } of parts) {
      const place = showPlace(loc)
      // A name may hold what separates scopes.
      const leaf = `${op}${place ? ` ${place}` : ''}`.replaceAll('/', '∕')
      const path = scope ? `${scope}/${leaf}` : leaf
      leaves.set(path, (leaves.get(path) ?? 0) + ms * share)
    }
  const root = scopeTree([...leaves].map(([name, ms]) => ({ name, ms })))
  const boxes: string[] = []
  let depths = 0
  const draw = (node: ScopeNode, left: number, depth: number, hue: number): void => {
    const w = (width * node.total) / root.total
    // A tenth of a pixel can't be seen.
    if (!(w > 0.1)) return
    depths = Math.max(depths, depth + 1)
    const light = node.children.length ? 76 : 88
    const room = Math.floor((w - 8) / 6.6)
    const text = room < 3 ? '' : node.name.length > room ? `${node.name.slice(0, room - 1)}…` : node.name
    const title = `${node.path}\n${showMs(node.total)} ms, ${percent(node.total, root.total)}${node.children.length && node.self > 0 ? `\nown ${showMs(node.self)} ms` : ''}`
    boxes.push(
      `<g><title>${escapeText(title)}</title><rect x="${left.toFixed(2)}" y="${depth * rowHeight}" width="${w.toFixed(2)}" height="${rowHeight - 1}" rx="2" fill="hsl(${hue} 65% ${light}%)"/>${text ? `<text x="${(left + 4).toFixed(2)}" y="${depth * rowHeight + 16}">${escapeText(text)}</text>` : ''}</g>`,
    )
    drawAll(node.children, left, depth + 1, () => hue)
  }
  const drawAll = (nodes: readonly ScopeNode[], left: number, depth: number, hue: (i: number) => number): void => {
    let x = left
    nodes.forEach((node, i) => {
      draw(node, x, depth, hue(i))
      x += (width * node.total) / root.total
    })
  }
  drawAll(root.children, 0, 0, (i) => hues[i % hues.length])
  const height = depths * rowHeight
  return `<svg class="flame" xmlns="http://www.w3.org/2000/svg" width="100%" viewBox="0 0 ${width} ${Math.max(1, height)}" role="img" aria-label="Time by scope">${boxes.join('')}</svg>`
}
