import { describe, expect, test } from 'vitest'
import { type Expr, exprs, scalarType, widthOf } from '../../compiler/kernel/expr.js'
import { expandMath, mathNames } from '../../compiler/kernel/math/expand.js'
import { erf } from '../../compiler/ops/elementwise.js'
import { digamma, erfc, erfInv, logGamma } from '../../compiler/ops/special.js'

const floats = new Float32Array(1)
const ints = new Int32Array(floats.buffer)
const bitsOf = (x: number): number => {
  floats[0] = x
  return ints[0]
}
const floatOf = (bits: number): number => {
  ints[0] = bits
  return floats[0]
}
type Binary = (a: number, b: number) => number
const wrap: Record<string, (x: number) => number> = {
  f32: Math.fround,
  i32: (x) => x | 0,
  u32: (x) => x >>> 0,
  bool: Number,
}
const binary: Record<string, Binary> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  div: (a, b) => a / b,
  max: Math.max,
  min: Math.min,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  eq: (a, b) => Number(a === b),
  ne: (a, b) => Number(a !== b),
  lt: (a, b) => Number(a < b),
  gt: (a, b) => Number(a > b),
}
const unary: Record<string, (x: number) => number> = {
  abs: Math.abs,
  sqrt: Math.sqrt,
  floor: Math.floor,
  trunc: Math.trunc,
  not: (x) => 1 - x,
  bits: bitsOf,
  float: floatOf,
}

/** An expression as a function of its variables, with IEEE single precision; `fused`: fma rounds once. */
function evaluator(root: Expr, variables: readonly Expr[], fused: boolean): (...args: number[]) => number {
  const places = new Map<Expr, number>()
  const values: number[] = []
  const steps: (() => void)[] = []
  const place = (x: Expr): number => {
    const known = places.get(x)
    if (known !== undefined) return known
    const args = x.k === 'op' ? x.args.map(place) : []
    const at = values.push(x.k === 'lit' ? wrap[scalarType(x.t)](x.value) : 0) - 1
    places.set(x, at)
    if (x.k === 'op') steps.push(step(x, at, args))
    return at
  }
  const step = (x: Expr & { k: 'op' }, at: number, [a, b, c]: number[]): (() => void) => {
    const round = wrap[scalarType(x.t)]
    const set = (f: () => number) => () => {
      values[at] = f()
    }
    if (x.f === 'mul')
      return set(x.t === 'f32' ? () => round(values[a] * values[b]) : () => round(Math.imul(values[a], values[b])))
    if (x.f === 'fma')
      return set(() => round((fused ? values[a] * values[b] : round(values[a] * values[b])) + values[c]))
    if (x.f === 'select') return set(() => (values[a] ? values[b] : values[c]))
    if (x.f === 'shiftLeft') return set(() => round(values[a] << values[b]))
    if (x.f === 'shiftRight')
      return set(x.t === 'u32' ? () => values[a] >>> values[b] : () => round(values[a] >> values[b]))
    if (x.f === 'cast')
      return set(
        x.t === 'i32' && x.args[0].t === 'f32'
          ? () => Math.min(Math.max(Math.trunc(values[a]) || 0, -(2 ** 31)), 2 ** 31 - 1)
          : () => round(values[a]),
      )
    const [one, two] = [unary[x.f], binary[x.f]]
    if (one) return set(() => round(one(values[a])))
    if (two) return set(() => round(two(values[a], values[b])))
    throw new Error(`no basic operation: ${x.f}`)
  }
  const inputs = variables.map(place)
  const result = place(root)
  return (...args) => {
    inputs.forEach((at, i) => {
      values[at] = args[i]
    })
    for (const s of steps) s()
    return values[result]
  }
}

/** The distance from a result to the reference in units of the last place of f32 at the reference. */
function ulps(got: number, reference: number): number {
  if (Number.isNaN(reference) || reference === 0 || Math.abs(reference) === Number.POSITIVE_INFINITY)
    return Object.is(got, reference) ? 0 : Number.POSITIVE_INFINITY
  if (Number.isNaN(got)) return Number.POSITIVE_INFINITY
  const limit = (x: number): number => Math.min(Math.max(x, -(2 ** 128)), 2 ** 128)
  const size = Math.min(Math.max(Math.abs(reference), 2 ** -126), 2 ** 127)
  return Math.abs(limit(got) - limit(reference)) / 2 ** (Math.floor(Math.log2(size)) - 23)
}

const special = [
  0,
  1,
  0.5,
  1.5,
  2,
  3,
  2 ** -149,
  2 ** -126 - 2 ** -149,
  2 ** -126,
  1 - 2 ** -24,
  1 + 2 ** -23,
  2 ** 23 - 0.5,
]
  .concat([2 ** 24 - 1, 2 ** 24, 1e-30, 1e10, 3e38, 2 ** 128 - 2 ** 104, Number.POSITIVE_INFINITY, Number.NaN])
  // The f32 closest to a multiple of π/2, and the ends of what exp makes.
  .concat([16367173 * 2 ** 72, 88.72283, 88.72284, 103.97, 103.98, 87.33655, Math.PI / 2, Math.PI, 9.01, 3.92])
  .flatMap((x) => [Math.fround(x), Math.fround(-x)])

/** Bit patterns all over f32, and values of a range. */
function samples(low: number, high: number): number[] {
  const all = [...special]
  for (let i = 0; i < 8000; i++) all.push(floatOf(i * 536871))
  for (let i = 0; i < 8000; i++) all.push(Math.fround(low + ((i + 0.37) / 8000) * (high - low)))
  return all
}
const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)))
const functions: Record<string, { f: (x: number) => number; range: [number, number]; bound: number }> = {
  exp: { f: Math.exp, range: [-105, 90], bound: 2 },
  logistic: { f: sigmoid, range: [-105, 20], bound: 3.5 },
  log: { f: Math.log, range: [0.4, 3], bound: 1.5 },
  tanh: { f: Math.tanh, range: [-9.5, 9.5], bound: 3.5 },
  erf: { f: erf, range: [-4.2, 4.2], bound: 3.5 },
  sin: { f: Math.sin, range: [-100, 100], bound: 3.5 },
  cos: { f: Math.cos, range: [-100, 100], bound: 3.5 },
  rsqrt: { f: (x) => 1 / Math.sqrt(x), range: [0, 10], bound: 1.5 },
  sign: { f: Math.sign, range: [-1, 1], bound: 0 },
  exp2: { f: (x) => 2 ** x, range: [-150, 129], bound: 2 },
  expm1: { f: Math.expm1, range: [-19, 33], bound: 3 },
  log1p: { f: Math.log1p, range: [-1, 3], bound: 3 },
  tan: { f: Math.tan, range: [-100, 100], bound: 4 },
  asin: { f: Math.asin, range: [-1.01, 1.01], bound: 4 },
  acos: { f: Math.acos, range: [-1.01, 1.01], bound: 4 },
  atan: { f: Math.atan, range: [-5, 5], bound: 3 },
  sinh: { f: Math.sinh, range: [-90, 90], bound: 4 },
  cosh: { f: Math.cosh, range: [-90, 90], bound: 4 },
  asinh: { f: Math.asinh, range: [-5, 5], bound: 4 },
  acosh: { f: Math.acosh, range: [0.9, 5], bound: 4 },
  atanh: { f: Math.atanh, range: [-1.01, 1.01], bound: 4 },
  cbrt: { f: Math.cbrt, range: [-9, 9], bound: 2 },
  erfc: { f: erfc, range: [-4, 11], bound: 6 },
  erfInv: { f: erfInv, range: [-1.01, 1.01], bound: 6 },
}
/** Of size 1 at least the error is relative, else absolute. */
const nearZeros: Record<string, { f: (x: number) => number; range: [number, number]; bound: number }> = {
  logGamma: { f: logGamma, range: [-6, 40], bound: 3e-6 },
  digamma: { f: digamma, range: [-6, 40], bound: 3e-6 },
}

describe.each([true, false])('fused multiply-add: %s', (fused) => {
  const compile = (name: string, count: number) => {
    const e = exprs()
    const variables = ['x', 'y'].slice(0, count).map((v) => e.variable(v, 'f32'))
    return evaluator(expandMath(e, e.call(name, 'f32', variables) as Expr & { k: 'op' }), variables, fused)
  }
  const check = (got: number, reference: number, bound: number, at: string): void => {
    const distance = ulps(got, reference)
    if (distance > bound) expect.fail(`${at} = ${got}, ${distance} ulp from ${reference}`)
  }

  test.each(Object.keys(functions))('%s', (name) => {
    const { f, range, bound } = functions[name]
    const run = compile(name, 1)
    for (const x of samples(...range)) check(run(x), f(x), bound, `${name}(${x})`)
  })

  test.each(Object.keys(nearZeros))('%s', (name) => {
    const { f, range, bound } = nearZeros[name]
    const run = compile(name, 1)
    for (const x of samples(...range)) {
      const [got, want] = [run(x), f(x)]
      if (Number.isFinite(want) && Math.abs(want) < 3e38) {
        // Beside a pole the result is as exact as the distance to it.
        const error = Math.abs(got - want) / Math.max(1, Math.abs(want))
        if (!(error <= bound)) expect.fail(`${name}(${x}) = ${got}, not ${want}: ${error}`)
      } else check(run(x), f(x), 1, `${name}(${x})`)
    }
  })

  test('atan2', () => {
    const run = compile('atan2', 2)
    const one = (a: number, b: number) => check(run(a, b), Math.atan2(a, b), 4, `atan2(${a}, ${b})`)
    for (const a of special) for (const b of special) one(a, b)
    for (let i = 0; i < 8000; i++) {
      one(floatOf(i * 1431655), floatOf((i * 2654435) | 0))
      one(Math.fround(Math.sin(i)), Math.fround(Math.cos(i)))
    }
  })

  test('pow', () => {
    const run = compile('pow', 2)
    const pow: Binary = (a, b) => (a === 1 || b === 0 ? 1 : a ** b)
    const one = (a: number, b: number) => check(run(a, b), pow(a, b), 3.5, `pow(${a}, ${b})`)
    for (const a of special) for (const b of special) one(a, b)
    for (let i = 0; i < 3000; i++) {
      const a = floatOf((i * 715827) & 0x7fffffff)
      // Results of every exponent, denormal ones too.
      const b = Math.fround((((i * 0.7548776) % 1) * 276 - 148) / Math.log2(a))
      one(a, b)
      one(-a, Math.round(b))
      one(Math.fround(0.7 + i / 4000), Math.fround(((i * 0.5698) % 1) * 400 - 200))
    }
  })

  test('rem', () => {
    const run = compile('rem', 2)
    const one = (a: number, b: number) => check(run(a, b), a % b, 0, `rem(${a}, ${b})`)
    for (const a of special) for (const b of special) one(a, b)
    for (let i = 0; i < 3000; i++) {
      const a = floatOf(i * 1431655)
      one(a, floatOf((i * 2654435) | 0))
      one(a, Math.fround(a * 2 ** -((i * 0.0131) % 30)))
    }
  })
})

test('four lanes have the same operations', () => {
  const operations = (root: Expr): Set<Expr> => {
    const all = new Set<Expr>()
    const visit = (x: Expr): void => {
      if (all.has(x)) return
      all.add(x)
      if (x.k === 'op') x.args.forEach(visit)
    }
    visit(root)
    return all
  }
  for (const name of mathNames) {
    if (name === 'dot4') continue
    const e = exprs()
    const count = ['pow', 'rem', 'atan2'].includes(name) ? 2 : 1
    const [one, four] = (['f32', 'f32x4'] as const).map((t) => {
      const variables = ['x', 'y'].slice(0, count).map((v) => e.variable(v + t, t))
      return operations(expandMath(e, e.call(name, t, variables) as Expr & { k: 'op' }))
    })
    expect(four.size, name).toBe(one.size)
    for (const x of four) expect(widthOf(x.t), `${name}: ${x.k === 'op' ? x.f : x.k}`).toBe(4)
  }
})

test('dot4 is the sum of the products of four lanes', () => {
  const e = exprs()
  const [x, y] = ['x', 'y'].map((name) => e.variable(name, 'f32x4'))
  const values = new Map<Expr, number[]>([
    [x, [1, 2, 3, 4]],
    [y, [5, -6, 7, 8]],
  ])
  const value = (z: Expr): number[] => {
    const known = values.get(z)
    if (known || z.k !== 'op') return known as number[]
    const [a, b] = z.args.map(value)
    if (z.f === 'mul') return a.map((v, i) => v * b[i])
    if (z.f === 'add') return a.map((v, i) => v + b[i])
    if (z.f === 'lane0') return [a[0]]
    return [...z.f.slice('shuffle'.length)].map((lane) => [...a, ...b][Number(lane)])
  }
  expect(value(expandMath(e, e.call('dot4', 'f32', [x, y]) as Expr & { k: 'op' }))).toEqual([5 - 12 + 21 + 32])
})

test('integers: sign is written out, rem stays', () => {
  const e = exprs()
  const n = e.variable('n', 'i32')
  const run = evaluator(expandMath(e, e.call('sign', 'i32', [n]) as Expr & { k: 'op' }), [n], true)
  expect([-7, 0, 12].map((v) => run(v))).toEqual([-1, 0, 1])
  const rem = e.call('rem', 'i32', [n, e.lit('i32', 3)]) as Expr & { k: 'op' }
  expect(expandMath(e, rem)).toBe(rem)
})
