import { matmulShapes, type ProductSizes, productKey } from '../../compiler/kernel/matmul-shape.js'
import { destroyDevice, getDevice } from '../../runtime/device.js'
import { type ProductRuns, productRuns } from './product.js'

/**
 * Whether the rule's parameters of products are the best on this adapter: `npx tsx test/bench/tune.ts [seconds for each] [M,N,K …]`.
 * Candidates are timed in turn, the clearly slow ones once; a wrong one is reported and left out.
 */
const [seconds = '20', ...wanted] = process.argv.slice(2)
const device = await getDevice()
console.log(`${device.info.kind} ${device.info.description}, medians in ms (least to most)`)

const sizesOf = (text: string): ProductSizes => {
  const [m, n, k] = text.split(',').map(Number)
  return { m, n, k, batch: 1, alongK: false }
}
const median = (xs: readonly number[]): number => [...xs].sort((a, b) => a - b)[xs.length >> 1]

for (const sizes of (wanted.length ? wanted : ['256,256,256', '512,512,512', '1024,1024,1024']).map(sizesOf)) {
  const end = performance.now() + 1000 * Number(seconds)
  const entries: { name: string; runs: ProductRuns; times: number[] }[] = []
  let repeats = 1
  const shapes = matmulShapes(sizes, device.target)
  for (const shape of shapes) {
    if (entries.length && performance.now() > end - 400 * Number(seconds)) break
    const runs = await productRuns(device, sizes, shape)
    const name = `${shape.rows}x${shape.columns}${shape.subgroup ? ' broadcast' : ''}`
    if (!(runs.error < 1e-5)) {
      console.log(`${productKey(sizes)} ${name}: WRONG by ${runs.error}`)
      runs.dispose()
      continue
    }
    if (!entries.length) repeats = Math.max(1, Math.min(100, Math.round(40 / (await runs.time(1)))))
    entries.push({ name, runs, times: [(await runs.time(repeats)) / repeats] })
  }
  const rule = entries[0]
  const near = entries.filter(({ times }) => times[0] < 1.5 * rule.times[0])
  for (let round = 0; round < 9 && performance.now() < end; round++)
    for (const { runs, times } of near) times.push((await runs.time(repeats)) / repeats)
  console.log(
    `${productKey(sizes)}: ${entries.length} of ${shapes.length} tried, ${near.length} near, ${rule.times.length} rounds`,
  )
  for (const { name, times } of [
    rule,
    ...near
      .slice(1)
      .sort((a, b) => median(a.times) - median(b.times))
      .slice(0, 3),
  ])
    console.log(
      `  ${name.padEnd(16)} ${median(times).toFixed(2)} (${Math.min(...times).toFixed(2)} to ${Math.max(...times).toFixed(2)})${name === rule.name ? ' rule' : ''}`,
    )
  for (const { runs } of entries) runs.dispose()
}
await destroyDevice()
