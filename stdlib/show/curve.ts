import sharp from 'sharp'
import { FoveaError } from '../../compiler/trace/error.js'
import { escapeXml } from './heatmap.js'
import { brief } from './text.js'

export interface LossPoint {
  readonly step: number
  readonly loss: number
}

const [width, height] = [800, 450]
const plot = { left: 72, right: width - 24, top: 56, bottom: height - 56 }

/**
 * A picture of a loss over the steps, as SVG text: every point in pale, their moving average as the line.
 *
 * @param points in the order of their steps; what is not finite is left out
 * @throws FoveaError 'input' if no point is finite
 * @example
 * await writeFile('loss.svg', lossCurve(points, { title: 'CLIP on shapes' }))
 */
export function lossCurve(points: readonly LossPoint[], { title }: { readonly title: string }): string {
  const finite = points.filter(({ step, loss }) => Number.isFinite(step) && Number.isFinite(loss))
  if (finite.length === 0)
    throw new FoveaError(
      'input',
      `lossCurve: expected at least one finite point, got ${points.length} points, none finite`,
    )
  const steps = axis(finite.map((p) => p.step))
  const losses = axis([...finite.map((p) => p.loss), 0])
  const x = (step: number): number =>
    plot.left + ((step - steps.low) / (steps.high - steps.low)) * (plot.right - plot.left)
  const y = (loss: number): number =>
    plot.bottom - ((loss - losses.low) / (losses.high - losses.low)) * (plot.bottom - plot.top)
  const path = (part: readonly LossPoint[]): string =>
    part.map(({ step, loss }, i) => `${i === 0 ? 'M' : 'L'}${x(step).toFixed(1)} ${y(loss).toFixed(1)}`).join('')

  const grid = [
    ...steps.ticks.map((t) => `<path d="M${x(t).toFixed(1)} ${plot.top}V${plot.bottom}"/>`),
    ...losses.ticks.map((t) => `<path d="M${plot.left} ${y(t).toFixed(1)}H${plot.right}"/>`),
  ]
  const labels = [
    ...steps.ticks.map(
      (t) => `<text x="${x(t).toFixed(1)}" y="${plot.bottom + 20}" text-anchor="middle">${brief(t)}</text>`,
    ),
    ...losses.ticks.map(
      (t) => `<text x="${plot.left - 10}" y="${(y(t) + 4).toFixed(1)}" text-anchor="end">${brief(t)}</text>`,
    ),
  ]
  const line = smooth(finite)
  const last = line[line.length - 1]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#57606a">
<rect width="${width}" height="${height}" fill="#ffffff"/>
<text x="${plot.left}" y="32" font-size="17" font-weight="bold" fill="#1f2328">${escapeXml(title)}</text>
<g stroke="#e6e8eb">${grid.join('')}</g>
<path d="M${plot.left} ${plot.top}V${plot.bottom}H${plot.right}" fill="none" stroke="#8c959f"/>
${labels.join('\n')}
<text x="${(plot.left + plot.right) / 2}" y="${height - 14}" text-anchor="middle">step</text>
<text transform="translate(20 ${(plot.top + plot.bottom) / 2}) rotate(-90)" text-anchor="middle">loss</text>
<path d="${path(thin(finite))}" fill="none" stroke="#0969da" stroke-opacity="0.25"/>
<path d="${path(thin(line))}" fill="none" stroke="#0969da" stroke-width="2" stroke-linejoin="round"/>
<circle cx="${x(last.step).toFixed(1)}" cy="${y(last.loss).toFixed(1)}" r="3.5" fill="#0969da"/>
<text x="${plot.right}" y="32" text-anchor="end">last ${brief(last.loss)}</text>
</svg>
`
}

/** {@link lossCurve} as PNG bytes, at twice the size. */
export async function lossCurvePng(
  points: readonly LossPoint[],
  options: { readonly title: string },
): Promise<Uint8Array> {
  return sharp(Buffer.from(lossCurve(points, options)), { density: 144 })
    .png()
    .toBuffer()
}

/** The mean over a window of a twenty-fifth of the points, cut off at the ends. */
function smooth(points: readonly LossPoint[]): LossPoint[] {
  const reach = Math.floor(points.length / 50)
  const sums = new Float64Array(points.length + 1)
  points.forEach(({ loss }, i) => {
    sums[i + 1] = sums[i] + loss
  })
  return points.map(({ step }, i) => {
    const from = Math.max(0, i - reach)
    const to = Math.min(points.length, i + reach + 1)
    return { step, loss: (sums[to] - sums[from]) / (to - from) }
  })
}

/** So many points as the picture can show, the last one among them. */
function thin(points: readonly LossPoint[]): readonly LossPoint[] {
  const stride = Math.ceil(points.length / (2 * width))
  return points.filter((_, i) => (points.length - 1 - i) % stride === 0)
}

/** A range that holds all values, and about six round numbers in it: 1, 2 or 5 times a power of ten apart. */
function axis(values: readonly number[]): { low: number; high: number; ticks: number[] } {
  const low = values.reduce((a, b) => Math.min(a, b))
  let high = values.reduce((a, b) => Math.max(a, b))
  if (low === high) high = low + 1
  const power = 10 ** Math.floor(Math.log10((high - low) / 6))
  const gap = power * ([1, 2, 5].find((m) => (high - low) / (m * power) <= 7) ?? 10)
  high = Math.max(high, low + gap)
  const ticks: number[] = []
  for (let k = Math.ceil(low / gap); k * gap <= high + gap * 1e-9; k++) ticks.push(Number((k * gap).toPrecision(12)))
  return { low, high, ticks }
}
