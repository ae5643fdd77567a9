/** Style and script of a profile's page. The script only sorts, filters and highlights what is there. */

export const style = `
:root { color-scheme: light dark; --ink: light-dark(#1f2328, #e6edf3); --soft: light-dark(#57606a, #9198a1); --line: light-dark(#d8dee4, #30363d);
  --paper: light-dark(#ffffff, #0d1117); --card: light-dark(#f6f8fa, #161b22); --blue: light-dark(#0969da, #4493f8); --hot: light-dark(#cf222e, #f85149) }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1360px; padding: 28px 32px 80px; background: var(--paper); color: var(--ink); font: 14px/1.5 system-ui, 'Helvetica Neue', Arial, sans-serif }
h1 { font-size: 24px; margin: 0 0 2px } h2 { font-size: 17px; margin: 40px 0 4px } p { color: var(--soft); margin: 0 0 10px; max-width: 92ch }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 10px; margin-top: 18px }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px }
.card b { display: block; font-size: 20px; font-variant-numeric: tabular-nums } .card span { color: var(--soft); font-size: 12.5px }
.scroll { overflow: auto; border: 1px solid var(--line); border-radius: 8px; max-height: 640px }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th { position: sticky; top: 0; background: var(--card); text-align: left; padding: 0; border-bottom: 1px solid var(--line); white-space: nowrap; z-index: 1 }
th button { all: unset; cursor: pointer; padding: 7px 10px; width: 100%; box-sizing: border-box; font-weight: 600; font-size: 12.5px } th button:focus-visible { outline: 2px solid var(--blue); outline-offset: -2px }
th[aria-sort=descending] button::after { content: ' ↓' } th[aria-sort=ascending] button::after { content: ' ↑' }
td { padding: 5px 10px; border-bottom: 1px solid var(--line); vertical-align: top } tr:last-child td { border-bottom: 0 } tbody tr:hover { background: var(--card) }
td.n, th.n button { text-align: right; white-space: nowrap } td.soft { color: var(--soft) } td.tree { white-space: pre }
.bar { display: inline-block; width: 90px; height: 8px; margin-right: 8px; background: linear-gradient(to right, var(--blue) var(--part), var(--line) var(--part)); border-radius: 4px }
.bar.low { background: linear-gradient(to right, var(--hot) var(--part), var(--line) var(--part)) }
svg { display: block; font: 12px system-ui, 'Helvetica Neue', Arial, sans-serif } svg text { fill: var(--ink) } svg .soft { fill: var(--soft) }
.flame rect { stroke: var(--paper) } .flame text { fill: #1f2328; pointer-events: none }
.graph path { fill: none; stroke: var(--soft); stroke-opacity: .4 } .graph path.far { stroke-opacity: .14 } .graph rect { stroke: var(--line); fill: var(--card) }
.graph g:hover rect, .graph g.on rect { stroke: var(--blue); stroke-width: 2 } .graph path.on { stroke: var(--blue); stroke-opacity: 1; stroke-width: 2 }
.graph .heat { stroke: none; fill: var(--hot) }
footer { color: var(--soft); margin-top: 40px; font-size: 12.5px }
`

export const script = `
for (const table of document.querySelectorAll('table')) {
  const heads = [...table.querySelectorAll('th')]
  heads.forEach((head, column) => head.querySelector('button').addEventListener('click', () => {
    const down = head.getAttribute('aria-sort') !== 'descending'
    for (const other of heads) other.removeAttribute('aria-sort')
    head.setAttribute('aria-sort', down ? 'descending' : 'ascending')
    const body = table.tBodies[0]
    const key = (row) => { const v = row.cells[column].dataset.v; return v === undefined ? row.cells[column].textContent : Number(v) }
    const rows = [...body.rows].sort((a, b) => { const [x, y] = [key(a), key(b)]; return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1) })
    body.append(...rows)
  }))
}
for (const node of document.querySelectorAll('.graph g[data-n]')) {
  const near = document.querySelectorAll('.graph path[data-a="' + node.dataset.n + '"], .graph path[data-b="' + node.dataset.n + '"]')
  const mark = (on) => { for (const path of near) path.classList.toggle('on', on) }
  node.addEventListener('mouseenter', () => mark(true))
  node.addEventListener('mouseleave', () => mark(false))
}
`
