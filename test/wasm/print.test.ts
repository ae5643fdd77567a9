import { describe, expect, test } from 'vitest'
import type { Wide } from '../../compiler/ir/dtype.js'
import { type Expr, type ExprType, exprs } from '../../compiler/kernel/expr.js'
import { type Kernel, type Stmt, scratchBase } from '../../compiler/kernel/ir.js'
import { printKernel } from '../../compiler/kernel/print.js'
import { opOf } from '../../compiler/ops/op.js'
import '../../compiler/ops/index.js'
import { runKernel } from './run-kernel.js'

/** Kernels for the CPU, run: every scalar function alone and in fours against the op records, and every statement. */
const numbers: Record<Wide, number[]> = {
  f32: [0, -0, 1, -1, 2.5, -2.5, 3.5, 0.3, -7.75, 1e10, -1e10, Infinity, -Infinity, NaN, 1e-40, 16777216],
  i32: [0, 1, -1, 2, 7, -7, 31, 32, 40, 2147483647, -2147483648, 100000, -100000, 3, 5, -3],
  u32: [0, 1, 2, 7, 31, 32, 40, 4294967295, 2147483648, 2147483647, 100000, 3, 5, 9, 65536, 12345678],
  bool: [0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 1, 1, 1, 0, 1, 0],
}
const binary: Record<string, readonly Wide[]> = {
  add: ['f32', 'i32', 'u32'],
  sub: ['f32', 'i32', 'u32'],
  mul: ['f32', 'i32', 'u32'],
  div: ['f32', 'i32', 'u32'],
  rem: ['i32', 'u32'],
  max: ['f32', 'i32', 'u32'],
  min: ['f32', 'i32', 'u32'],
  and: ['i32', 'u32', 'bool'],
  or: ['i32', 'u32', 'bool'],
  xor: ['i32', 'u32', 'bool'],
  shiftLeft: ['i32', 'u32'],
  shiftRight: ['i32', 'u32'],
  eq: ['f32', 'i32', 'u32'],
  ne: ['f32', 'i32', 'u32'],
  lt: ['f32', 'i32', 'u32'],
  le: ['f32', 'i32', 'u32'],
  gt: ['f32', 'i32', 'u32'],
  ge: ['f32', 'i32', 'u32'],
}
const unary: Record<string, readonly Wide[]> = {
  neg: ['f32', 'i32'],
  not: ['i32', 'u32', 'bool'],
  abs: ['f32', 'i32'],
  sign: ['i32'],
  sqrt: ['f32'],
  floor: ['f32'],
  stopGradient: ['f32', 'i32', 'u32', 'bool'],
}

/** y[i] = f(xs[i]…), in ones or in fours. */
function pointwise(
  dtypes: readonly Wide[],
  out: Wide,
  n: number,
  width: 1 | 4,
  make: (xs: Expr[], t: ExprType) => Expr,
): Kernel {
  const e = exprs()
  const at = e.imul(e.variable('group_x', 'u32', n / width - 1), width)
  const wide = (t: Wide): ExprType => (width === 4 ? `${t}x4` : t)
  const xs = dtypes.map((t, i) => e.load(i, wide(t), at))
  const value = make(xs, wide(out))
  return {
    name: 'test',
    buffers: [...dtypes, out].map((dtype, i) => ({
      dtype,
      size: n,
      width: 1,
      access: i < dtypes.length ? 'read' : 'read_write',
    })),
    scratch: [],
    lanes: [1, 1],
    workgroups: [n / width, 1, 1],
    body: [{ k: 'store', buffer: dtypes.length, at, value }],
  }
}
const call =
  (f: string) =>
  (xs: Expr[], t: ExprType): Expr =>
    exprs().call(f, t, xs)

function check(f: string, dtypes: readonly Wide[], data: number[][], params = {}): void {
  const n = data[0].length
  const ins = dtypes.map((dtype, i) => ({
    shape: [n],
    dtype,
    data: Float64Array.from(data[i], dtype === 'f32' ? Math.fround : undefined),
  }))
  const record = opOf(f)
  const [aval] = record.infer(ins, params)
  const [wanted] = record.eval(ins, params, [aval])
  const rounded = [...wanted.data].map((v) => (aval.dtype === 'f32' ? Math.fround(v) : v))
  for (const width of [1, 4] as const) {
    const out = runKernel(pointwise(dtypes, aval.dtype as Wide, n, width, call(f)), data)
    expect(out[dtypes.length], `${f} ${dtypes} in ${width}s`).toEqual(rounded)
  }
}

describe('scalar functions, alone and in fours', () => {
  for (const [f, dtypes] of Object.entries(binary))
    test.each(dtypes)(`${f} %s`, (dtype) => {
      const pairs = numbers[dtype].flatMap((a) => numbers[dtype].map((b) => [a, b]))
      check(f, [dtype, dtype], [pairs.map(([a]) => a), pairs.map(([, b]) => b)])
    })
  for (const [f, dtypes] of Object.entries(unary))
    test.each(dtypes)(`${f} %s`, (dtype) => check(f, [dtype], [numbers[dtype]]))
  const pairs = (['f32', 'i32', 'u32', 'bool'] as const).flatMap((from) =>
    (['f32', 'i32', 'u32', 'bool'] as const).filter((to) => to !== from).map((to) => [from, to] as const),
  )
  test.each(pairs)('cast %s to %s', (from, to) => check('cast', [from], [numbers[from]], { dtype: to }))
  test.each(['f32', 'i32', 'u32', 'bool'] as const)('select %s', (dtype) =>
    check('select', ['bool', dtype, dtype], [numbers.bool, numbers[dtype], [...numbers[dtype]].reverse()]),
  )
})

test('a scalar condition selects whole vectors, and lanes are put together and taken apart', () => {
  const x = [1, 2, 3, 4, 5, 6, 7, 8]
  const kernel = pointwise(['f32'], 'f32', 8, 4, ([v], t) => {
    const e = exprs()
    const first = e.call('lane0', 'f32', [v])
    const reversed = e.call(
      'vec4',
      t,
      [3, 2, 1, 0].map((j) => e.call(`lane${j}`, 'f32', [v])),
    )
    return e.call('select', t, [e.call('gt', 'bool', [first, e.lit('f32', 2)]), reversed, e.call('splat', t, [first])])
  })
  expect(runKernel(kernel, [x])[1]).toEqual([1, 1, 1, 1, 8, 7, 6, 5])
})

test('shuffles take lanes of two vectors', () => {
  const kernel = pointwise(['f32', 'f32'], 'f32', 4, 4, (xs, t) => exprs().call('shuffle0415', t, xs))
  expect(
    runKernel(kernel, [
      [1, 2, 3, 4],
      [5, 6, 7, 8],
    ])[2],
  ).toEqual([1, 5, 2, 6])
})

test('vectors begin anywhere', () => {
  const e = exprs()
  const body: Stmt[] = [
    { k: 'store', buffer: 1, at: e.index(3), value: e.load(0, 'f32x4', e.index(1)) },
    { k: 'store', buffer: 1, at: e.index(0), value: e.load(0, 'f32', e.index(0)) },
  ]
  const buffer = { dtype: 'f32', size: 8, width: 1 } as const
  const kernel: Kernel = {
    name: 'test',
    buffers: [
      { ...buffer, access: 'read' },
      { ...buffer, access: 'read_write' },
    ],
    scratch: [],
    lanes: [1, 1],
    workgroups: [1, 1, 1],
    body,
  }
  expect(runKernel(kernel, [[9, 1, 2, 3, 4, 5, 6, 7], []])[1]).toEqual([9, 0, 0, 1, 2, 3, 4, 0])
})

test('a read that is not taken may be far outside the array', () => {
  // Shifted right by 5, zeros before: i - 5 wraps around for the first five.
  const e = exprs()
  const i = e.variable('group_x', 'u32', 15)
  const shifted = e.load(0, 'f32', e.call('sub', 'u32', [i, e.index(5)]))
  const value = e.call('select', 'f32', [e.call('ge', 'bool', [i, e.index(5)]), shifted, e.lit('f32', 0)])
  const kernel = {
    ...pointwise(['f32'], 'f32', 16, 1, ([x]) => x),
    body: [{ k: 'store', buffer: 1, at: i, value } as const],
  }
  const x = numbers.i32.map((_, j) => j + 1)
  expect(runKernel(kernel, [x])[1]).toEqual([0, 0, 0, 0, 0, ...x.slice(0, 11)])
})

test('loops, mutable registers, conditions, early exits and scratch', () => {
  // y[g] = sum over j from g to 2g of x[j], through scratch; item 3 is left out.
  const e = exprs()
  const g = e.variable('group_x', 'u32', 4)
  const [j, k] = [e.variable('j', 'u32', 8), e.variable('k', 'u32', 8)]
  const acc = e.variable('acc', 'f32')
  const upper = e.iadd(e.imul(g, 2), e.index(1))
  const turns = e.variable('acc_n', 'u32')
  const kernel: Kernel = {
    ...pointwise(['f32'], 'f32', 16, 1, ([x]) => x),
    scratch: [
      { t: 'f32', size: 3, per: 'invocation' },
      { t: 'f32', size: 9, per: 'invocation' },
    ],
    workgroups: [5, 1, 1],
    body: [
      { k: 'exit', cond: e.call('eq', 'bool', [g, e.index(3)]) },
      { k: 'mutable', name: 'acc', t: 'f32', value: e.lit('f32', 0) },
      {
        k: 'loop',
        index: 'j',
        from: g,
        count: upper,
        body: [{ k: 'store', buffer: scratchBase + 1, at: j, value: e.load(0, 'f32', j) }],
      },
      {
        k: 'loop',
        index: 'k',
        count: 9,
        body: [
          {
            k: 'if',
            cond: e.call('and', 'bool', [e.call('ge', 'bool', [k, g]), e.call('lt', 'bool', [k, upper])]),
            body: [{ k: 'set', name: 'acc', value: e.call('add', 'f32', [acc, e.load(scratchBase + 1, 'f32', k)]) }],
          },
        ],
      },
      { k: 'mutable', name: 'acc_n', t: 'u32', value: e.index(0) },
      {
        k: 'while',
        cond: e.call('lt', 'bool', [turns, e.index(2)]),
        body: [
          { k: 'set', name: 'acc_n', value: e.call('add', 'u32', [turns, e.index(1)]) },
          { k: 'set', name: 'acc', value: e.call('add', 'f32', [acc, e.lit('f32', 100)]) },
        ],
      },
      { k: 'store', buffer: 1, at: g, value: acc },
    ],
  }
  const x = Array.from({ length: 16 }, (_, i) => i)
  expect(runKernel(kernel, [x])[1].slice(0, 5)).toEqual([200, 203, 209, 0, 230])
})

test('a barrier is refused', () => {
  const kernel = { ...pointwise(['f32'], 'f32', 4, 1, ([x]) => x), body: [{ k: 'barrier' } as const] }
  expect(() => runKernel(kernel, [[]])).toThrow("kernel 'test' has a barrier")
})

test('a kernel can be read', () => {
  const kernel = pointwise(['f32'], 'f32', 8, 4, ([x], t) => exprs().call('exp', t, [x]))
  expect(printKernel(kernel)).toBe(`test over 2 items
  m0: f32[8] read
  m1: f32[8] read_write
  m1[(group_x * 4)]x4 ← exp(m0[(group_x * 4)]x4)
`)
})
