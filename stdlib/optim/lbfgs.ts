import { FoveaError } from '../../compiler/trace/error.js'

export interface LbfgsOptions {
  /** Iterations at most. */
  readonly maxIterations?: number
  /** Ends when no element of the gradient is larger. */
  readonly tolerance?: number
  /** Steps remembered. */
  readonly history?: number
}
export interface Minimum {
  readonly x: Float64Array
  readonly value: number
  readonly iterations: number
  /** Whether the gradient came below the tolerance. */
  readonly converged: boolean
}
/** Value and gradient of a function of a vector. */
export type Objective = (x: Float64Array) => Promise<{ readonly value: number; readonly gradient: ArrayLike<number> }>

/**
 * Minimises a smooth function by L-BFGS, with a line search for the strong Wolfe conditions.
 * Throws FoveaError 'input' when the function isn't finite at the start.
 * Source: Nocedal and Wright 2006, "Numerical optimization", algorithms 7.4, 7.5, 3.5 and 3.6.
 *
 * @example
 * const parabola = async (x) => ({ value: (x[0] - 3) ** 2, gradient: [2 * (x[0] - 3)] })
 * const { x } = await lbfgs(parabola, new Float64Array([0]))
 * console.log(x) // Float64Array(1) [ 3 ]
 */
export async function lbfgs(
  f: Objective,
  start: Float64Array,
  { maxIterations = 100, tolerance = 1e-5, history = 10 }: LbfgsOptions = {},
): Promise<Minimum> {
  const at = async (x: Float64Array): Promise<Point> => {
    const { value, gradient } = await f(x)
    return { x, value, gradient: Float64Array.from(gradient) }
  }
  let now = await at(start)
  if (!Number.isFinite(now.value))
    throw new FoveaError('input', `lbfgs: expected a finite value at the start, got ${now.value}`)
  const pairs: { s: Float64Array; y: Float64Array; rho: number }[] = []
  for (let iteration = 0; ; iteration++) {
    const converged = now.gradient.every((g) => Math.abs(g) <= tolerance)
    if (converged || iteration === maxIterations)
      return { x: now.x, value: now.value, iterations: iteration, converged }
    const direction = descent(now.gradient, pairs)
    const slope = dot(direction, now.gradient)
    // The first step has no scale yet.
    const step = iteration === 0 ? Math.min(1, 1 / norm1(now.gradient)) : 1
    const next = await wolfe(at, now, direction, slope, step)
    if (!next) return { x: now.x, value: now.value, iterations: iteration, converged: false }
    const s = next.x.map((v, i) => v - now.x[i])
    const y = next.gradient.map((v, i) => v - now.gradient[i])
    const curvature = dot(s, y)
    if (curvature > 1e-10 * dot(y, y)) {
      pairs.push({ s, y, rho: 1 / curvature })
      if (pairs.length > history) pairs.shift()
    }
    now = next
  }
}

interface Point {
  readonly x: Float64Array
  readonly value: number
  readonly gradient: Float64Array
}
const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, v, i) => sum + v * b[i], 0)
const norm1 = (a: Float64Array): number => a.reduce((sum, v) => sum + Math.abs(v), 0)

/** -H·g by the two loops over the remembered steps (algorithm 7.4). */
function descent(
  gradient: Float64Array,
  pairs: readonly { s: Float64Array; y: Float64Array; rho: number }[],
): Float64Array {
  const q = gradient.map((g) => -g)
  const alphas = [...pairs].reverse().map(({ s, y, rho }) => {
    const alpha = rho * dot(s, q)
    for (let i = 0; i < q.length; i++) q[i] -= alpha * y[i]
    return alpha
  })
  const last = pairs[pairs.length - 1]
  const scale = last ? 1 / (last.rho * dot(last.y, last.y)) : 1
  for (let i = 0; i < q.length; i++) q[i] *= scale
  pairs.forEach(({ s, y, rho }, n) => {
    const beta = rho * dot(y, q)
    const alpha = alphas[pairs.length - 1 - n]
    for (let i = 0; i < q.length; i++) q[i] += (alpha - beta) * s[i]
  })
  return q
}

const [decrease, curvature] = [1e-4, 0.9]
/** A point along `direction` that fulfils the strong Wolfe conditions, or at least descends; undefined when there is none. */
async function wolfe(
  at: (x: Float64Array) => Promise<Point>,
  from: Point,
  direction: Float64Array,
  slope: number,
  firstStep: number,
): Promise<Point | undefined> {
  interface Trial extends Point {
    readonly step: number
    readonly slope: number
  }
  const trial = async (step: number): Promise<Trial> => {
    const point = await at(from.x.map((v, i) => v + step * direction[i]))
    return { ...point, step, slope: dot(point.gradient, direction) }
  }
  const tooHigh = (t: Trial): boolean => !(t.value <= from.value + decrease * t.step * slope)
  const flat = (t: Trial): boolean => Math.abs(t.slope) <= -curvature * slope
  let low: Trial = { ...from, step: 0, slope }
  let high: Trial | undefined
  let step = firstStep
  for (let i = 0; i < 30; i++) {
    const t = await trial(step)
    if (tooHigh(t) || (low.step > 0 && t.value >= low.value)) high = t
    else if (flat(t)) return t
    else if (t.slope >= 0) {
      high = low
      low = t
    } else low = t
    // Bisection between them, or further out.
    step = high ? (low.step + high.step) / 2 : 2 * t.step
    if (high && Math.abs(high.step - low.step) < 1e-12) break
  }
  return low.step > 0 ? low : undefined
}
