import { type Aval, showAval, showShape, size } from '../ir/types.js'
import type { Expr, Exprs } from '../kernel/expr.js'
import { FoveaError } from '../trace/error.js'
import { type AnyTensor, op, type Read, type RefArray } from './op.js'
import * as p from './prim.js'
import { eachIndex, fail, stridesOf } from './rules.js'

const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)
const clamp = (start: number, limit: number): number => Math.min(Math.max(start, 0), limit)

/** One i32[] per axis of `x`, and a window that fits. */
function check(name: string, x: Aval, starts: readonly Aval[], sizes: readonly number[]): void {
  const { shape } = x
  if (sizes.length !== shape.length || sizes.some((n, d) => !Number.isInteger(n) || n < 0 || n > shape[d]))
    fail(`${name}: a window of ${showShape(sizes)} does not fit in ${showShape(shape)}`)
  if (starts.length !== shape.length) fail(`${name}: expected ${shape.length} starts, got ${starts.length}`)
  for (const s of starts)
    if (s.dtype !== 'i32' || s.shape.length)
      throw new FoveaError('dtype', `${name}: expected starts of i32[], got ${showAval(s)}`)
}

/** Where a window begins: starts are moved so that it fits. */
const firstOf = (starts: readonly RefArray[], sizes: readonly number[], shape: readonly number[]): number[] =>
  starts.map((s, d) => clamp(s.data[0], shape[d] - sizes[d]))

/** The same in a kernel. `from` is the number of the operand that is the first start. */
const firstExprs = (e: Exprs, read: Read, from: number, sizes: readonly number[], shape: readonly number[]): Expr[] =>
  shape.map((n, d) => {
    const limit = n - sizes[d]
    if (limit === 0) return e.index(0)
    const start = read(from + d, [])
    if (start.k === 'lit') return e.index(clamp(start.value, limit))
    const positive = e.call('max', 'i32', [start, e.lit('i32', 0)])
    return e.call('min', 'u32', [e.call('cast', 'u32', [positive]), e.index(limit)], limit)
  })

/** Starts that differ by example, as one i32[n] each: moved so that the window fits. */
const clamped = (starts: readonly AnyTensor[], sizes: readonly number[], shape: readonly number[]): AnyTensor[] =>
  starts.map((s, d) => p.max(p.like(s, 0), p.min(s, p.like(s, shape[d] - sizes[d]))))
/** i32 along axis `axis` of `shape`: the example's start, and counting on. */
const places = (shape: readonly number[], axis: number, start: AnyTensor): AnyTensor =>
  p.add(p.iota(shape, axis), p.broadcastInDim(start, shape, start.aval.shape.length ? [0] : []))
const zeroIndex = (): AnyTensor => p.constant(0, 'i32')
const inFront = (x: AnyTensor, n: number): AnyTensor =>
  p.broadcastInDim(x, [n, ...x.aval.shape], range(x.aval.shape.length, 1))
/** Row-major position of an index: the sum of each dim's place times its stride. */
const position = (index: readonly AnyTensor[], shape: readonly number[]): AnyTensor => {
  const strides = stridesOf(shape)
  return index.map((x, d) => p.mul(x, p.like(x, strides[d]))).reduce((a, b) => p.add(a, b))
}

export const dynamicSlice = op({
  name: 'dynamicSlice',
  doc: 'A window of params.sizes of operand 0, which begins at the i32 scalars that follow, one per axis, moved so that it fits (lax.dynamic_slice).',
  infer: ([x, ...starts], params) => {
    check('dynamicSlice', x, starts, params.sizes as number[])
    return [{ shape: params.sizes as number[], dtype: x.dtype }]
  },
  eval: ([x, ...starts], _params, [out]) => {
    const first = firstOf(starts, out.shape, x.shape)
    const strides = stridesOf(x.shape)
    const data = new Float64Array(size(out.shape))
    eachIndex(out.shape, (index, at) => {
      data[at] = x.data[index.reduce((n, i, d) => n + (first[d] + i) * strides[d], 0)]
    })
    return [{ ...out, data }]
  },
  jvp: ({ inputs: [, ...starts], tangents: [t], params }) => [t && p.dynamicSlice(t, starts, params.sizes as number[])],
  transpose: ({ cotangents: [ct], inputs: [x, ...starts], linear }) => [
    linear[0] && ct ? p.dynamicUpdateSlice(p.full(x.aval.shape, 0, ct.dtype), ct, starts) : null,
    ...starts.map(() => null),
  ],
  batch: ({ inputs: [x, ...starts], batched: [mapped, ...on], size: n, params }) => {
    const sizes = params.sizes as number[]
    if (!on.includes(true)) return [p.dynamicSlice(x, [zeroIndex(), ...starts], [n, ...sizes])]
    // Element by element, by its row-major position.
    const shape = x.aval.shape.slice(mapped ? 1 : 0)
    const out = [n, ...sizes]
    const index = clamped(starts, sizes, shape).map((s, d) => places(out, d + 1, s))
    const full = mapped ? [n, ...shape] : shape
    const at = position(mapped ? [p.iota(out, 0), ...index] : index, full)
    return [p.gather(p.reshape(x, [size(full)]), at)]
  },
  kernel: {
    kind: 'map',
    cost: 0,
    value: ({ e, read, index, ins: [x], out }) => {
      const first = firstExprs(e, read, 1, out.shape, x.shape)
      return read(
        0,
        index.map((i, d) => e.iadd(first[d], i)),
      )
    },
  },
  samples: [
    { inputs: [{ shape: [5, 4] }, at(2), at(1)], params: { sizes: [2, 3] } },
    { inputs: [{ shape: [5, 4] }, at(9), at(-3)], params: { sizes: [2, 4] } },
    {
      inputs: [{ shape: [3, 1, 2], dtype: 'i32', low: 0, high: 9 }, at(1), at(0), at(1)],
      params: { sizes: [1, 1, 1] },
    },
    { inputs: [{ shape: [] }], params: { sizes: [] } },
  ],
})

function at(start: number) {
  return { shape: [], dtype: 'i32', values: [start] } as const
}

export const dynamicUpdateSlice = op({
  name: 'dynamicUpdateSlice',
  doc: 'Operand 0 with a window overwritten by operand 1, which begins at the i32 scalars that follow, one per axis, moved so that it fits (lax.dynamic_update_slice).',
  infer: ([x, update, ...starts]) => {
    check('dynamicUpdateSlice', x, starts, update.shape)
    if (x.dtype !== update.dtype)
      throw new FoveaError(
        'dtype',
        `dynamicUpdateSlice: dtypes differ: ${x.dtype} vs ${update.dtype}; cast one of them`,
      )
    return [x]
  },
  eval: ([x, update, ...starts]) => {
    const first = firstOf(starts, update.shape, x.shape)
    const strides = stridesOf(x.shape)
    const data = x.data.slice()
    eachIndex(update.shape, (index, at) => {
      data[index.reduce((n, i, d) => n + (first[d] + i) * strides[d], 0)] = update.data[at]
    })
    return [{ ...x, data }]
  },
  jvp: ({ inputs: [x, update, ...starts], tangents: [t, u] }) => [
    t || u ? p.dynamicUpdateSlice(t ?? p.like(x, 0), u ?? p.like(update, 0), starts) : null,
  ],
  transpose: ({ cotangents: [ct], inputs: [, update, ...starts], linear }) => [
    linear[0] && ct ? p.dynamicUpdateSlice(ct, p.like(update, 0), starts) : null,
    linear[1] && ct ? p.dynamicSlice(ct, starts, update.aval.shape) : null,
    ...starts.map(() => null),
  ],
  batch: ({ inputs: [a, b, ...starts], batched: [mapped, alsoMapped, ...on], size: n }) => {
    const x = mapped ? a : inFront(a, n)
    const update = alsoMapped ? b : inFront(b, n)
    if (!on.includes(true)) return [p.dynamicUpdateSlice(x, update, [zeroIndex(), ...starts])]
    const [, ...shape] = x.aval.shape
    const [, ...sizes] = update.aval.shape
    // How far an element is inside its example's window.
    const inside = clamped(starts, sizes, shape).map((s, d) => places(x.aval.shape, d + 1, p.neg(s)))
    const fits = inside
      .map((i, d) => p.and(p.ge(i, p.like(i, 0)), p.lt(i, p.like(i, sizes[d]))))
      .reduce((f, g) => p.and(f, g))
    const from = position([p.iota(x.aval.shape, 0), ...inside], update.aval.shape)
    const moved = p.gather(p.reshape(update, [size(update.aval.shape)]), p.select(fits, from, p.like(from, 0)))
    return [p.select(fits, moved, x)]
  },
  kernel: {
    kind: 'map',
    cost: 2,
    value: ({ e, read, index, ins: [x, update], out }) => {
      if (size(update.shape) === 0) return read(0, index)
      const first = firstExprs(e, read, 2, update.shape, x.shape)
      // Before the window wraps above every size.
      const inside = index.map((i, d) => (update.shape[d] === x.shape[d] ? i : e.call('sub', 'u32', [i, first[d]])))
      const within = inside.flatMap((i, d) =>
        update.shape[d] === x.shape[d] ? [] : [e.call('lt', 'bool', [i, e.index(update.shape[d])])],
      )
      const safe = inside.map((i, d) =>
        update.shape[d] === x.shape[d]
          ? i
          : e.call('min', 'u32', [i, e.index(update.shape[d] - 1)], update.shape[d] - 1),
      )
      if (!within.length) return read(1, index)
      const fits = within.reduce((a, b) => e.call('and', 'bool', [a, b]))
      return e.call('select', out.dtype, [fits, read(1, safe), read(0, index)])
    },
    update: ({ e, read, index, ins: [x, update] }) => {
      const first = firstExprs(e, read, 2, update.shape, x.shape)
      return index.map((i, d) => e.iadd(first[d], i))
    },
  },
  samples: [
    { inputs: [{ shape: [5, 4] }, { shape: [2, 3] }, at(2), at(1)] },
    { inputs: [{ shape: [5, 4] }, { shape: [1, 4] }, at(9), at(-3)] },
    {
      inputs: [
        { shape: [3, 2], dtype: 'i32', low: 0, high: 9 },
        { shape: [3, 1], dtype: 'i32', low: 0, high: 9 },
        at(0),
        at(1),
      ],
    },
    { inputs: [{ shape: [2] }, { shape: [2] }, at(1)] },
    { inputs: [{ shape: [3] }, { shape: [0] }, at(1)] },
    { inputs: [{ shape: [] }, { shape: [] }] },
  ],
})
