import { compile } from '../../compiler/compile.js'
import type { Fn } from '../../compiler/ir/types.js'
import { type MatmulShape, type ProductSizes, productKey } from '../../compiler/kernel/matmul-shape.js'
import type { AnyTensor } from '../../compiler/ops/op.js'
import * as p from '../../compiler/ops/prim.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { inputTensor } from '../../compiler/trace/tensor.js'
import { hostArray } from '../../runtime/array.js'
import type { Device } from '../../runtime/device.js'
import { type Executable, load } from '../../runtime/executable.js'

/** A product of these sizes, alone. */
export const productFn = (sizes: ProductSizes): Fn => {
  const dims = { lhsBatch: [0], rhsBatch: [0], lhsContract: [2], rhsContract: [sizes.alongK ? 2 : 1] }
  return traceFn(
    (x: AnyTensor, y: AnyTensor) => [p.dotGeneral(x, y, dims)],
    shapesOf(sizes).map((shape) => inputTensor({ shape, dtype: 'f32' }, '')),
  ).fn
}

const shapesOf = ({ m, n, k, batch, alongK }: ProductSizes): number[][] => [
  [batch, m, k],
  alongK ? [batch, n, k] : [batch, k, n],
]

export interface ProductRuns {
  /** The largest error of a first run (NaN where any is), of the sum of the absolute values that are added up. */
  readonly error: number
  /** One call of `repeats` products, in ms. */
  time(repeats: number): Promise<number>
  dispose(): void
}

/** A product made with these parameters, run once and held against a product in f64. */
export async function productRuns(device: Device, sizes: ProductSizes, shape: MatmulShape): Promise<ProductRuns> {
  const program = compile(productFn(sizes), { ...device.target, tuned: { [productKey(sizes)]: shape } })
  const data = shapesOf(sizes).map((s, which) =>
    Float32Array.from({ length: s.reduce((x, y) => x * y, 1) }, (_, i) => Math.sin(12.9898 * i + which)),
  )
  const inputs = shapesOf(sizes).map((s, which) => hostArray(data[which], s, 'f32'))
  const loaded = new Map<number, Executable>()
  const repeated = async (repeats: number): Promise<Executable> => {
    const dispatches = Array.from({ length: repeats }, () => program.dispatches).flat()
    const ready = loaded.get(repeats) ?? (await load(device, { ...program, dispatches }))
    loaded.set(repeats, ready)
    return ready
  }
  const [y] = await (await repeated(1)).run(inputs)
  const error = errorOf(sizes, data, (await y.read()) as Float32Array)
  return {
    error,
    async time(repeats) {
      const ready = await repeated(repeats)
      const start = performance.now()
      await ready.run(inputs)
      await device.finished()
      return performance.now() - start
    },
    dispose: () => {
      for (const ready of loaded.values()) ready.dispose()
    },
  }
}

/** Of a hundred elements or so, spread over all of them. */
function errorOf({ m, n, k, batch, alongK }: ProductSizes, [x, y]: Float32Array[], got: Float32Array): number {
  const all = batch * m * n
  const stride = all > 4096 ? Math.floor(all / 997) : 1
  let worst = 0
  for (let at = 0; at < all; at += stride) {
    const [b, row, column] = [Math.floor(at / (m * n)), Math.floor(at / n) % m, at % n]
    let [sum, size] = [0, 0]
    for (let i = 0; i < k; i++) {
      const term = x[(b * m + row) * k + i] * (alongK ? y[(b * n + column) * k + i] : y[(b * k + i) * n + column])
      sum += term
      size += Math.abs(term)
    }
    worst = Math.max(worst, Math.abs(got[at] - sum) / size)
  }
  return worst
}
