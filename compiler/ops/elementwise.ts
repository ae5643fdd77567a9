import { classes, dtypes, fromFloat, integerRange, isFloat, isInteger, isNarrow, wideOf } from '../ir/dtype.js'
import type { Aval, DType } from '../ir/types.js'
import { sameShape, showAval } from '../ir/types.js'
import { FoveaError } from '../trace/error.js'
import { type AnyTensor, type OpRecord, op, type Sample, type TransposeRule } from './op.js'
import * as p from './prim.js'
import { elementwise, fail, pointwise, same } from './rules.js'

const shapes = [[2, 3], [7], []]
export const one = (low: number, high: number, more: Partial<Sample> = {}): Sample[] => [
  ...shapes.map((shape) => ({ inputs: [{ shape, low, high }], ...more })),
]

export interface Unary {
  readonly doc: string
  readonly f: (x: number) => number
  /** Factor of the tangent from the operand and the result; null: zero almost everywhere. */
  readonly slope: ((x: AnyTensor, y: AnyTensor, t: AnyTensor) => AnyTensor) | null
  readonly cost?: number
  readonly dtypes?: readonly DType[]
  readonly samples: Sample[]
  readonly transpose?: TransposeRule
}
const { 'a float': floats, 'a signed number': signed, 'an integer': integers, 'a number': numbers } = classes
const logical = classes['bool or an integer']

export const unary = (name: string, r: Unary): OpRecord =>
  op({
    name,
    doc: r.doc,
    infer: same(name, r.dtypes ?? floats),
    eval: elementwise(r.f),
    jvp: ({ inputs: [x], outs: [y], tangents: [t] }) => [r.slope && t ? r.slope(x, y, t) : null],
    transpose: r.transpose ?? 'nonlinear',
    batch: 'elementwise',
    kernel: pointwise(name, r.cost ?? 1),
    samples: r.samples,
  })

/** Error function to full f64 precision: its Maclaurin series near 0, the continued fraction of erfc beyond (Abramowitz & Stegun 7.1.5, 7.1.14). */
export function erf(x: number): number {
  const a = Math.abs(x)
  if (Number.isNaN(x)) return x
  if (a > 6) return Math.sign(x)
  if (a < 2.5) {
    let term = x
    let sum = x
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum) && n < 200; n++) {
      term *= (-x * x) / n
      sum += term / (2 * n + 1)
    }
    return (2 / Math.sqrt(Math.PI)) * sum
  }
  let fraction = 0
  for (let n = 80; n > 0; n--) fraction = n / 2 / (a + fraction)
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction))
}

export const neg = unary('neg', {
  doc: 'Negation.',
  f: (x) => -x,
  slope: (_x, _y, t) => p.neg(t),
  transpose: ({ cotangents: [ct] }) => [ct && p.neg(ct)],
  dtypes: signed,
  samples: one(-2, 2),
})
export const exp = unary('exp', {
  doc: 'Exponential.',
  f: Math.exp,
  slope: (_x, y, t) => p.mul(t, y),
  cost: 8,
  samples: one(-3, 3),
})
export const log = unary('log', {
  doc: 'Natural logarithm.',
  f: Math.log,
  slope: (x, _y, t) => p.div(t, x),
  cost: 8,
  samples: one(0.2, 5),
})
export const tanh = unary('tanh', {
  doc: 'Hyperbolic tangent.',
  f: Math.tanh,
  slope: (x, y, t) => p.mul(t, p.sub(p.like(x, 1), p.mul(y, y))),
  cost: 12,
  samples: [...one(-3, 3), ...one(30, 100)],
})
export const erfOp = unary('erf', {
  doc: 'Error function.',
  f: erf,
  slope: (x, _y, t) => p.mul(t, p.mul(p.like(x, 2 / Math.sqrt(Math.PI)), p.exp(p.neg(p.mul(x, x))))),
  cost: 16,
  samples: one(-3, 3),
})
export const sqrt = unary('sqrt', {
  doc: 'Square root.',
  f: Math.sqrt,
  slope: (x, y, t) => p.div(p.mul(t, p.like(x, 0.5)), y),
  cost: 4,
  samples: one(0.3, 4),
})
export const rsqrt = unary('rsqrt', {
  doc: 'Reciprocal square root.',
  f: (x) => 1 / Math.sqrt(x),
  slope: (x, y, t) => p.mul(p.mul(t, p.like(x, -0.5)), p.div(y, x)),
  cost: 4,
  samples: one(0.3, 4),
})
export const sin = unary('sin', {
  doc: 'Sine, in radians.',
  f: Math.sin,
  slope: (x, _y, t) => p.mul(t, p.cos(x)),
  cost: 8,
  samples: one(-3, 3),
})
export const cos = unary('cos', {
  doc: 'Cosine, in radians.',
  f: Math.cos,
  slope: (x, _y, t) => p.neg(p.mul(t, p.sin(x))),
  cost: 8,
  samples: one(-3, 3),
})
export const abs = unary('abs', {
  doc: 'Absolute value; its derivative at 0 is 0.',
  f: Math.abs,
  slope: (x, _y, t) => p.mul(t, p.sign(x)),
  dtypes: signed,
  samples: [...one(0.5, 2), ...one(-2, -0.5)],
})
export const sign = unary('sign', {
  doc: '-1, 0 or 1.',
  f: Math.sign,
  slope: null,
  dtypes: signed,
  samples: one(0.5, 2),
})
export const floor = unary('floor', {
  doc: 'Largest integer not above.',
  f: Math.floor,
  slope: null,
  samples: one(1.2, 1.8),
})
export const logistic = unary('logistic', {
  doc: 'Sigmoid: 1 / (1 + exp(-x)).',
  f: (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  slope: (x, y, t) => p.mul(t, p.mul(y, p.sub(p.like(x, 1), y))),
  cost: 10,
  samples: [...one(-4, 4), ...one(40, 120), ...one(-120, -90)],
})
export const stopGradient = unary('stopGradient', {
  doc: 'The identity, with derivative zero.',
  f: (x) => x,
  slope: null,
  cost: 0,
  dtypes,
  samples: one(-1, 1, { smooth: false }),
})

export const discrete = {
  jvp: 'nondifferentiable',
  transpose: 'nonlinear',
  batch: 'elementwise',
} as const

export const not = op({
  ...discrete,
  name: 'not',
  doc: 'Logical not of bool, bitwise not of integers.',
  infer: same('not', logical),
  eval: ([x], params, outs) => elementwise((v) => (x.dtype === 'bool' ? (v ? 0 : 1) : ~v))([x], params, outs),
  kernel: pointwise('not'),
  samples: [{ inputs: [{ shape: [4], dtype: 'bool' }] }, { inputs: [{ shape: [4], dtype: 'u32', low: 0, high: 4e9 }] }],
})

export const cast = op({
  name: 'cast',
  doc: 'Converts to params.dtype. Floats to integers truncate towards zero and saturate, NaN gives 0; integers wrap; to bool: not equal to 0 (lax.convert_element_type).',
  infer: ([x], params) => [{ shape: x.shape, dtype: params.dtype as DType }],
  eval: ([x], params, outs) =>
    elementwise((v) => (isFloat(x.dtype) ? fromFloat(v, outs[0].dtype) : v))([x], params, outs),
  jvp: ({ tangents: [t], outs: [y] }) => [t && isFloat(y.dtype) ? p.cast(t, y.dtype) : null],
  transpose: ({ cotangents: [ct], inputs: [x] }) => [ct && p.cast(ct, x.dtype)],
  batch: 'elementwise',
  kernel: {
    kind: 'map',
    cost: 0.5,
    value: ({ e, read, index, params, ins: [x], out }) => {
      const from = read(0, index)
      const y = x.dtype === out.dtype ? from : e.call('cast', out.dtype, [from])
      const dtype = params.dtype as DType
      if (x.dtype !== 'f32' || !isNarrow(dtype) || !isInteger(dtype)) return y
      const [low, high] = integerRange[dtype]
      const [most, least] = [e.lit(out.dtype, high), e.lit(out.dtype, low)]
      return e.call('max', out.dtype, [e.call('min', out.dtype, [y, most]), least])
    },
  },
  samples: [
    { inputs: [{ shape: [3], low: -5, high: 5 }], params: { dtype: 'i32' }, smooth: false },
    { inputs: [{ shape: [3], low: 0, high: 5 }], params: { dtype: 'u32' }, smooth: false },
    { inputs: [{ shape: [3], dtype: 'i32', low: -5, high: 5 }], params: { dtype: 'f32' } },
    { inputs: [{ shape: [3], dtype: 'bool' }], params: { dtype: 'f32' } },
    { inputs: [{ shape: [4], dtype: 'i32', values: [0, -1, 2, 0] }], params: { dtype: 'bool' } },
  ],
})

export const two = (low: number, high: number, more: Partial<Sample> = {}): Sample[] =>
  shapes.map((shape) => ({
    inputs: [
      { shape, low, high },
      { shape, low, high },
    ],
    ...more,
  }))
const ints: Sample[] = [
  {
    inputs: [
      { shape: [5], dtype: 'i32', low: 1, high: 9 },
      { shape: [5], dtype: 'i32', low: 1, high: 9 },
    ],
  },
  {
    inputs: [
      { shape: [5], dtype: 'u32', low: 1, high: 4e9 },
      { shape: [5], dtype: 'u32', low: 1, high: 4e9 },
    ],
  },
]

export interface Binary {
  readonly doc: string
  /** On exact integers of i32 and u32 too; the result is wrapped to 32 bits. */
  readonly f: (a: number, b: number) => number
  readonly jvp: (
    a: AnyTensor,
    b: AnyTensor,
    y: AnyTensor,
    ta: AnyTensor | null,
    tb: AnyTensor | null,
  ) => (AnyTensor | null)[]
  readonly transpose?: TransposeRule
  readonly cost?: number
  readonly dtypes?: readonly DType[]
  readonly samples: Sample[]
}
export const binary = (name: string, r: Binary): OpRecord =>
  op({
    name,
    doc: r.doc,
    infer: same(name, r.dtypes ?? numbers),
    eval: (ins, params, outs) =>
      elementwise(isInteger(ins[0].dtype) && name === 'mul' ? Math.imul : r.f)(ins, params, outs),
    jvp: ({ inputs: [a, b], outs: [y], tangents: [ta, tb] }) => {
      const parts = r.jvp(a, b, y, ta, tb).filter((t) => t !== null)
      return [parts.length === 2 ? p.add(parts[0], parts[1]) : (parts[0] ?? null)]
    },
    transpose: r.transpose ?? 'nonlinear',
    batch: 'elementwise',
    kernel: pointwise(name, r.cost ?? 1),
    samples: r.samples,
  })
const only = (a: AnyTensor | null | false): AnyTensor | null => a || null

export const add = binary('add', {
  doc: 'Sum.',
  f: (a, b) => a + b,
  jvp: (_a, _b, _y, ta, tb) => [ta, tb],
  transpose: ({ cotangents: [ct], linear }) => linear.map((l) => only(l && ct)),
  samples: [...two(-2, 2), ...ints],
})
export const sub = binary('sub', {
  doc: 'Difference.',
  f: (a, b) => a - b,
  jvp: (_a, _b, _y, ta, tb) => [ta, tb && p.neg(tb)],
  transpose: ({ cotangents: [ct], linear }) => [only(linear[0] && ct), only(linear[1] && ct && p.neg(ct))],
  samples: [...two(-2, 2), ...ints],
})
export const mul = binary('mul', {
  doc: 'Product; integers wrap.',
  f: (a, b) => a * b,
  jvp: (a, b, _y, ta, tb) => [ta && p.mul(ta, b), tb && p.mul(a, tb)],
  transpose: ({ cotangents: [ct], inputs: [a, b], linear }) => [
    only(linear[0] && ct && p.mul(ct, b)),
    only(linear[1] && ct && p.mul(a, ct)),
  ],
  samples: [...two(-2, 2), ...ints],
})
export const div = binary('div', {
  doc: 'Quotient; integers truncate towards zero.',
  f: (a, b) => a / b,
  jvp: (_a, b, y, ta, tb) => [ta && p.div(ta, b), tb && p.neg(p.div(p.mul(y, tb), b))],
  transpose: ({ cotangents: [ct], inputs: [, b], linear }) => [only(linear[0] && ct && p.div(ct, b)), null],
  cost: 2,
  samples: [...two(0.5, 2), ...ints],
})
/** Where both are equal the derivative is shared, as in JAX. */
const share = (a: AnyTensor, y: AnyTensor, b: AnyTensor): AnyTensor =>
  p.select(p.eq(a, y), p.select(p.eq(b, y), p.like(a, 0.5), p.like(a, 1)), p.like(a, 0))
export const max = binary('max', {
  doc: 'Larger of two; NaN when either is.',
  f: (a, b) => (Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Math.max(a, b)),
  jvp: (a, b, y, ta, tb) => [ta && p.mul(ta, share(a, y, b)), tb && p.mul(tb, share(b, y, a))],
  samples: [...two(-2, 2), ...ints],
})
export const min = binary('min', {
  doc: 'Smaller of two; NaN when either is.',
  f: (a, b) => (Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Math.min(a, b)),
  jvp: (a, b, y, ta, tb) => [ta && p.mul(ta, share(a, y, b)), tb && p.mul(tb, share(b, y, a))],
  samples: [...two(-2, 2), ...ints],
})
export const pow = binary('pow', {
  doc: 'a to the power b. A negative base needs an integer exponent, else NaN.',
  f: (a, b) => (a === 1 || b === 0 ? 1 : a ** b),
  jvp: (a, b, y, ta, tb) => [
    ta && p.mul(ta, p.mul(b, p.pow(a, p.sub(b, p.like(b, 1))))),
    tb && p.mul(tb, p.mul(y, p.log(p.select(p.eq(a, p.like(a, 0)), p.like(a, 1), a)))),
  ],
  cost: 20,
  dtypes: floats,
  samples: [
    ...two(0.5, 2),
    {
      inputs: [
        { shape: [3], values: [-2, -1.5, -3] },
        { shape: [3], values: [2, 3, -1] },
      ],
      smooth: false,
    },
  ],
})
export const rem = binary('rem', {
  doc: 'Remainder with the sign of the dividend (C fmod, lax.rem).',
  f: (a, b) => a % b,
  jvp: (a, b, _y, ta, tb) => {
    const q = p.div(a, b)
    const trunc = p.mul(p.sign(q), p.floor(p.abs(q)))
    return [ta, tb && p.neg(p.mul(tb, trunc))]
  },
  cost: 3,
  samples: [
    {
      inputs: [
        { shape: [3], values: [5.3, -5.3, 2.2] },
        { shape: [3], values: [2, 2, 3] },
      ],
    },
    ...ints,
  ],
})

const bits = (
  name: string,
  doc: string,
  f: (a: number, b: number, dtype: DType) => number,
  samples: Sample[],
  dtypes: readonly DType[] = logical,
): OpRecord =>
  op({
    ...discrete,
    name,
    doc,
    infer: same(name, dtypes),
    eval: (ins, params, outs) => elementwise((a, b) => f(a, b, ins[0].dtype))(ins, params, outs),
    kernel: pointwise(name),
    samples,
  })
const bitSamples: Sample[] = [
  {
    inputs: [
      { shape: [4], dtype: 'bool' },
      { shape: [4], dtype: 'bool' },
    ],
  },
  {
    inputs: [
      { shape: [4], dtype: 'u32', low: 0, high: 4e9 },
      { shape: [4], dtype: 'u32', low: 0, high: 4e9 },
    ],
  },
]
const shiftSamples: Sample[] = [
  {
    inputs: [
      { shape: [4], dtype: 'u32', low: 0, high: 4e9 },
      { shape: [4], dtype: 'u32', values: [0, 13, 31, 32] },
    ],
  },
  {
    inputs: [
      { shape: [4], dtype: 'i32', low: -2e9, high: 2e9 },
      { shape: [4], dtype: 'i32', values: [0, 13, 31, 40] },
    ],
  },
]
export const and = bits('and', 'Logical or bitwise and.', (a, b) => a & b, bitSamples)
export const or = bits('or', 'Logical or bitwise or.', (a, b) => a | b, bitSamples)
export const xor = bits('xor', 'Logical or bitwise exclusive or.', (a, b) => a ^ b, bitSamples)
export const shiftLeft = bits(
  'shiftLeft',
  'a << b; 0 when b is 32 or more.',
  (a, b) => (b >>> 0 > 31 ? 0 : a << b),
  shiftSamples,
  integers,
)
export const shiftRight = bits(
  'shiftRight',
  'a >> b: logical for u32, arithmetic for i32; shifts of 32 or more give 0 or the sign.',
  (a, b, dtype) => (wideOf[dtype] === 'u32' ? (b >>> 0 > 31 ? 0 : a >>> b) : a >> Math.min(b >>> 0, 31)),
  shiftSamples,
  integers,
)

const compare = (
  name: string,
  doc: string,
  f: (a: number, b: number) => boolean,
  allowed: readonly DType[] = numbers,
): OpRecord =>
  op({
    ...discrete,
    name,
    doc,
    infer: (ins) => [{ shape: same(name, allowed)(ins)[0].shape, dtype: 'bool' }],
    eval: elementwise((a, b) => Number(f(a, b))),
    kernel: pointwise(name, 0.5),
    samples: [
      {
        inputs: [
          { shape: [4], values: [1, 2, 3, 0] },
          { shape: [4], values: [1, 3, 2, -1] },
        ],
      },
      {
        inputs: [
          { shape: [3], dtype: 'i32', values: [-1, 2, 3] },
          { shape: [3], dtype: 'i32', values: [1, 2, 2] },
        ],
      },
    ],
  })
export const eq = compare('eq', 'Equal.', (a, b) => a === b, dtypes)
export const ne = compare('ne', 'Not equal.', (a, b) => a !== b, dtypes)
export const lt = compare('lt', 'Less.', (a, b) => a < b)
export const le = compare('le', 'Less or equal.', (a, b) => a <= b)
export const gt = compare('gt', 'Greater.', (a, b) => a > b)
export const ge = compare('ge', 'Greater or equal.', (a, b) => a >= b)

export const select = op({
  name: 'select',
  doc: 'Elements of operand 1 where operand 0 is true, else of operand 2.',
  infer: ([c, a, b]): Aval[] => {
    if (c.dtype !== 'bool') throw new FoveaError('dtype', `select: expected a bool condition, got ${showAval(c)}`)
    if (!sameShape(c.shape, a.shape))
      fail(`select: expected operands of one shape, got ${showAval(c)} and ${showAval(a)}`)
    return same('select')([a, b])
  },
  eval: elementwise((c, a, b) => (c ? a : b)),
  jvp: ({ inputs: [c, x], tangents: [, ta, tb] }) =>
    ta || tb ? [p.select(c, ta ?? p.like(x, 0), tb ?? p.like(x, 0))] : [null],
  transpose: ({ cotangents: [ct], inputs: [c], linear }) => [
    null,
    only(linear[1] && ct && p.select(c, ct, p.like(ct, 0))),
    only(linear[2] && ct && p.select(c, p.like(ct, 0), ct)),
  ],
  batch: 'elementwise',
  kernel: pointwise('select', 0.5),
  samples: [{ inputs: [{ shape: [2, 3], dtype: 'bool' }, { shape: [2, 3] }, { shape: [2, 3] }] }],
})
