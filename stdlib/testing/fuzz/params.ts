import { isFloat, type Json, type Params } from '../../../compiler/ir/types.js'
import { dtypes } from '../elements.js'
import type { Draw } from './draw.js'
import type { Value } from './values.js'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const subset = (draw: Draw, n: number): number[] => range(n).filter(() => draw.chance(0.5))

/** A family of ops: those whose params have these keys. Makes params that fit the first operand. */
type Family = (draw: Draw, x: Value) => Params | undefined

/**
 * Params by family, for operands of any shape. Other ops take those of their samples, changed a little.
 * The key is the params' names in alphabetical order.
 */
export const families: Readonly<Record<string, Family>> = {
  axes: (draw, x) => ({ axes: subset(draw, x.v.aval.shape.length) }),
  axis: (draw, x) => (x.v.aval.shape.length ? { axis: draw.int(x.v.aval.shape.length) } : undefined),
  permutation: (draw, x) => ({ permutation: shuffled(draw, range(x.v.aval.shape.length)) }),
  shape: (draw, x) => ({ shape: regrouped(draw, x.v.aval.shape) }),
  'dims,shape': (draw, x) => {
    const shape: number[] = []
    const dims: number[] = []
    for (const n of x.v.aval.shape) {
      if (draw.chance(0.25)) shape.push(1 + draw.int(3))
      dims.push(shape.length)
      shape.push(n === 1 && draw.chance(0.6) ? 1 + draw.int(4) : n)
    }
    if (draw.chance(0.25)) shape.push(1 + draw.int(3))
    return { shape, dims }
  },
  'limit,start,stride': (draw, x) => {
    const { shape } = x.v.aval
    const start = shape.map((n) => (draw.chance(0.5) || n === 0 ? 0 : draw.int(n)))
    const limit = shape.map((n, d) => (draw.chance(0.5) ? n : Math.min(n, start[d] + 1 + draw.int(n))))
    return { start, limit, stride: shape.map(() => (draw.chance(0.7) ? 1 : 1 + draw.int(3))) }
  },
  'dtype,value': (draw) => {
    const dtype = draw.pick(dtypes)
    const values = isFloat(dtype) ? [0, 1, -1, 0.5, 2, 3.25, '-0'] : [0, 1, ...(dtype === 'bool' ? [] : [2, 7])]
    return { value: draw.pick<number | string>(values), dtype }
  },
  'axis,dtype,shape': (draw) => {
    const shape = range(1 + draw.int(3)).map(() => 1 + draw.int(4))
    return { shape, axis: draw.int(shape.length), dtype: draw.pick(dtypes.filter((d) => d !== 'bool')) }
  },
  'high,interior,low': (draw, x) => {
    const { shape } = x.v.aval
    const width = (n: number): number => (draw.chance(0.5) ? 0 : draw.chance(0.3) && n > 2 ? -1 : draw.int(3))
    return {
      low: shape.map(width),
      high: shape.map(width),
      interior: shape.map(() => (draw.chance(0.8) ? 0 : 1 + draw.int(2))),
    }
  },
}

function shuffled(draw: Draw, xs: number[]): number[] {
  for (let i = xs.length - 1; i > 0; i--) {
    const j = draw.int(i + 1)
    ;[xs[i], xs[j]] = [xs[j], xs[i]]
  }
  return xs
}

/** Neighbouring dims joined, dims split in two, dims of size 1 added or left out. */
function regrouped(draw: Draw, shape: readonly number[]): number[] {
  const out: number[] = []
  for (const n of shape) {
    const divisors = range(n)
      .slice(2)
      .filter((d) => n % d === 0)
    if (out.length && draw.chance(0.3)) out[out.length - 1] *= n
    else if (divisors.length && draw.chance(0.4)) {
      const d = draw.pick(divisors)
      out.push(d, n / d)
    } else if (n !== 1 || draw.chance(0.5)) out.push(n)
    if (draw.chance(0.15)) out.push(1)
  }
  return out
}

/** `json` with each number that `f` changes changed. */
export const mapNumbers = (json: Json, f: (x: number) => number): Json => {
  if (typeof json === 'number') return f(json)
  if (json === null || typeof json !== 'object') return json
  if (Array.isArray(json)) return json.map((x) => mapNumbers(x, f))
  return Object.fromEntries(Object.entries(json).map(([key, x]) => [key, mapNumbers(x, f)]))
}

export function numbersIn(json: Json): number[] {
  const found: number[] = []
  mapNumbers(json, (x) => {
    found.push(x)
    return x
  })
  return found
}

/** `json` with its number at place `at`, counted in order, changed by `f`. */
export function changeNumber(json: Json, at: number, f: (x: number) => number): Json {
  let place = 0
  return mapNumbers(json, (x) => (place++ === at ? f(x) : x))
}
