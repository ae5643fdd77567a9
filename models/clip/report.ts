import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { FoveaError } from '../../index.js'
import { writeFileAtomic } from '../../stdlib/checkpoint/index.js'
import { brief, escapeXml, type Heatmap, heatmap, heatmapPng } from '../../stdlib/show/index.js'
import type { Evaluation, NamedMatrix } from './evaluation.js'

/** Rows of a picture: of more classes, those that are mistaken most. */
const most = 40

/**
 * Writes a report into a folder: `index.html`, which needs no other file, `confusion.png`, `similarity.png`, and `result.json` with all numbers.
 * Throws FoveaError 'save' if the folder can't be written.
 *
 * @example
 * await writeReport('report', await evaluateRetrieval(await loadClip('checkpoints/clip'), 'shapes/train'))
 */
export async function writeReport(folder: string, result: Evaluation): Promise<void> {
  await makeReportFolder(folder)
  const { task, images, unreadable, metrics, confusion, similarity } = result
  const maps: [string, Heatmap][] = []
  const chosen = confusion && mistaken(confusion)
  if (confusion)
    maps.push([
      'confusion',
      { title: 'Confusion', axes: ['true class', 'predicted class'], ...cut(confusion, chosen!, chosen!) },
    ])
  const axes = (confusion ? ['class of pictures', "class' text"] : ['picture', 'text']) as [string, string]
  const rows = chosen ?? similarity.rows.map((_, i) => i)
  const columns = chosen ?? similarity.columns.map((_, i) => i)
  maps.push(['similarity', { title: 'Similarity of pictures and texts', axes, ...cut(similarity, rows, columns) }])
  for (const [name, map] of maps) await writeFileAtomic(join(folder, `${name}.png`), [await heatmapPng(map)])
  await writeFileAtomic(join(folder, 'result.json'), `${JSON.stringify(result, null, 1)}\n`)
  const cells = Object.entries(metrics).map(
    ([name, value]) => `<tr><th>${escapeXml(name)}</th><td>${brief(value)}</td></tr>`,
  )
  const left = confusion && confusion.rows.length > most ? `<p>The ${most} classes that are mistaken most.</p>` : ''
  const failed = unreadable.length
    ? `<h2>Unreadable</h2><ul>${unreadable.map((image) => `<li>${escapeXml(image)}</li>`).join('')}</ul>`
    : ''
  await writeFileAtomic(
    join(folder, 'index.html'),
    `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>CLIP, ${task}</title>
<style>body{font:15px Helvetica,Arial,sans-serif;color:#1f2328;margin:2em auto;max-width:60em}th{text-align:left;padding-right:2em}td{text-align:right}svg{max-width:100%;height:auto}</style>
<h1>CLIP, ${task}</h1>
<p>${images} pictures</p>
<table>${cells.join('')}</table>
${left}
${maps.map(([, map]) => heatmap(map)).join('\n')}
${failed}
</html>
`,
  )
}

/** Makes the report's folder: what can't be written is known before pictures are embedded. */
export async function makeReportFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((err: Error) => {
    throw new FoveaError('save', `cannot write the report ${folder}: ${err.message}. Check the path.`)
  })
}

/** Classes in their order, of more than {@link most} those with the most errors. */
function mistaken({ rows, values }: NamedMatrix): number[] {
  const n = rows.length
  const errors = rows.map((_, i) =>
    values.slice(i * n, (i + 1) * n).reduce((sum, x, j) => (j === i ? sum : sum + x), 0),
  )
  return errors
    .map((_, i) => i)
    .sort((a, b) => errors[b] - errors[a])
    .slice(0, most)
    .sort((a, b) => a - b)
}

const cut = (matrix: NamedMatrix, rows: readonly number[], columns: readonly number[]): NamedMatrix => ({
  rows: rows.map((i) => matrix.rows[i]),
  columns: columns.map((j) => matrix.columns[j]),
  values: rows.flatMap((i) => columns.map((j) => matrix.values[i * matrix.columns.length + j])),
})
