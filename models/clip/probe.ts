import {
  add,
  equal,
  expandDims,
  FoveaError,
  iota,
  jit,
  logSoftmax,
  matmul,
  mul,
  neg,
  slice,
  square,
  sum,
  type Tensor,
  tensor,
  transpose,
  valueAndGrad,
  where,
} from '../../index.js'
import { permutation } from '../../stdlib/data/index.js'
import { accuracy } from '../../stdlib/metrics/index.js'
import { lbfgs } from '../../stdlib/optim/index.js'
import type { Embeddings } from './embed.js'

type Any = Tensor<any, any>

/** Embeddings with the class of each row. */
export interface Labelled extends Embeddings {
  readonly labels: ArrayLike<number>
}

/** A logistic regression: class scores are W·x + b. */
export interface LinearProbe {
  readonly classes: number
  /** [classes, width + 1], the bias last. */
  readonly weights: Float64Array
  /** The strength of the penalty. */
  readonly lambda: number
  readonly converged: boolean
}

export interface ProbeOptions {
  readonly classes: number
  readonly lambda: number
  readonly maxIterations?: number
}

/**
 * Multinomial logistic regression on frozen embeddings: mean cross entropy + λ/2 · |W|² (the bias is free), minimised by L-BFGS.
 * Throws FoveaError 'input' for a label that is no class. Source: Radford et al. 2021, section 3.2 and appendix A.3.
 *
 * @example
 * const rows = { count: 2, width: 2, data: new Float32Array([1, 0, 0, 1]), labels: [0, 1] }
 * const probe = await linearProbe(rows, { classes: 2, lambda: 0.1 })
 * console.log(predict(probe, rows)) // Int32Array(2) [ 0, 1 ]
 */
export async function linearProbe(
  rows: Labelled,
  { classes, lambda, maxIterations = 1000 }: ProbeOptions,
): Promise<LinearProbe> {
  const { count, width, data, labels } = rows
  const wrong = Array.from(labels).find((label) => !(Number.isInteger(label) && label >= 0 && label < classes))
  if (wrong !== undefined || labels.length !== count)
    throw new FoveaError(
      'input',
      `linearProbe: expected ${count} labels of 0 … ${classes - 1}, got ${wrong ?? `${labels.length} labels`}`,
    )
  const x = tensor(data, [count, width]) as Any
  const y = tensor(Int32Array.from(labels as ArrayLike<number>), [count]) as Any
  const loss = (w: Any): Any => {
    const matrix = slice(w, [0, 0], [classes, width]) as Any
    const bias = slice(w, [0, width], [classes, width + 1]) as Any
    const scores = logSoftmax(add(matmul(x, transpose(matrix)) as Any, transpose(bias)) as Any, -1) as Any
    const own = equal(iota([count, classes], 1) as Any, expandDims(y, 1) as Any) as Any
    const entropy = mul(neg(sum(where(own, scores, 0) as Any) as Any) as Any, 1 / count) as Any
    return add(entropy, mul(sum(square(matrix) as Any) as Any, lambda / 2) as Any) as Any
  }
  const step = jit((w: Any) => valueAndGrad(loss as any)(w) as unknown as [Any, Any], { name: 'linearProbe' })
  const minimum = await lbfgs(
    async (at) => {
      using w = tensor(Float32Array.from(at), [classes, width + 1]) as Any
      const [value, gradient] = await step(w)
      const result = { value: await value.item(), gradient: await gradient.data() }
      for (const t of [value, gradient]) t.dispose()
      return result
    },
    new Float64Array(classes * (width + 1)),
    { maxIterations, tolerance: 1e-5 },
  )
  for (const t of [x, y]) t.dispose()
  return { classes, weights: minimum.x, lambda, converged: minimum.converged }
}

/** The likeliest class of each row. */
export function predict({ classes, weights }: LinearProbe, { count, width, data }: Embeddings): Int32Array {
  const out = new Int32Array(count)
  for (let row = 0; row < count; row++) {
    let best = Number.NEGATIVE_INFINITY
    for (let c = 0; c < classes; c++) {
      let score = weights[c * (width + 1) + width]
      for (let i = 0; i < width; i++) score += weights[c * (width + 1) + i] * data[row * width + i]
      if (score > best) {
        best = score
        out[row] = c
      }
    }
  }
  return out
}

/** Penalties tried by `sweepProbe`: seven powers of ten. */
export const lambdas: readonly number[] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]

/** The probe whose penalty does best on `validation`, and each penalty's accuracy there; of equals the strongest. */
export async function sweepProbe(
  train: Labelled,
  validation: Labelled,
  classes: number,
  candidates: readonly number[] = lambdas,
): Promise<{ readonly probe: LinearProbe; readonly accuracies: ReadonlyMap<number, number> }> {
  const accuracies = new Map<number, number>()
  let best: LinearProbe | undefined
  for (const lambda of [...candidates].sort((a, b) => a - b)) {
    const probe = await linearProbe(train, { classes, lambda })
    accuracies.set(lambda, accuracy(predict(probe, validation), validation.labels))
    if (!best || accuracies.get(lambda)! >= accuracies.get(best.lambda)!) best = probe
  }
  if (!best) throw new FoveaError('input', 'sweepProbe: expected at least one penalty to try')
  return { probe: best, accuracies }
}

/**
 * `shots` rows of each class, drawn with `seed`: what a few-shot probe is trained on.
 * Throws FoveaError 'input' when a class has fewer.
 */
export function fewShot(rows: Labelled, classes: number, shots: number, seed: number): Labelled {
  const { width, data, labels } = rows
  const order = Array.from(permutation(rows.count, seed, 0))
  const chosen = Array.from({ length: classes }, (_, c) => order.filter((i) => labels[i] === c).slice(0, shots))
  const short = chosen.findIndex((some) => some.length < shots)
  if (short >= 0)
    throw new FoveaError('input', `fewShot: class ${short} has ${chosen[short].length} rows, fewer than ${shots}`)
  const picked = chosen.flat()
  const out = new Float32Array(picked.length * width)
  picked.forEach((row, i) => {
    out.set(data.subarray(row * width, (row + 1) * width), i * width)
  })
  return { count: picked.length, width, data: out, labels: picked.map((row) => labels[row]) }
}
