import type { Aval, Params } from '../ir/types.js'
import { showAval, size } from '../ir/types.js'
import { bind } from '../trace/tensor.js'
import { type AnyTensor, type BatchRule, type OpRecord, op } from './op.js'
import * as p from './prim.js'
import { fail, takes } from './rules.js'

/** Sorting by one digit, least significant first (Knuth, The Art of Computer Programming 3, §5.2.5), in blocks that are independent. */
export interface Digit {
  readonly shift: number
  readonly bits: number
  /** Elements that are counted and moved by one invocation, in order. */
  readonly block: number
}
const digitOf = (params: Params): Digit => params as unknown as Digit
const digit = (key: number, { shift, bits }: Digit): number => (key >>> shift) & (2 ** bits - 1)

function checkKeys(name: string, keys: Aval): void {
  takes(name, keys, ['u32'])
  if (keys.shape.length !== 2) fail(`${name}: expected keys u32[lines, n], got ${showAval(keys)}`)
}
const countsOf = ({ shape: [lines, n] }: Aval, { bits, block }: Digit): Aval => ({
  shape: [lines, 2 ** bits, Math.ceil(n / block)],
  dtype: 'u32',
})

/** The mapped axis becomes part of the lines. */
const batch =
  (record: () => OpRecord): BatchRule =>
  ({ inputs, batched, size: n, params }) => {
    const lines = inputs.map((x, i): AnyTensor => {
      const { shape } = x.aval
      const all = batched[i]
        ? x
        : p.broadcastInDim(
            x,
            [n, ...shape],
            shape.map((_, d) => d + 1),
          )
      const [, first, ...rest] = all.aval.shape
      return p.reshape(all, [n * first, ...rest])
    })
    return bind(record(), lines, params).map((y) => {
      const [first, ...rest] = y.aval.shape
      return p.reshape(y, [n, first / n, ...rest])
    })
  }

export const digitCounts = op({
  name: 'digitCounts',
  doc: 'How often each digit of params.bits from bit params.shift is in each block of params.block keys of u32[lines, n] → u32[lines, digits, blocks].',
  infer: ([keys], params) => {
    checkKeys('digitCounts', keys)
    return [countsOf(keys, digitOf(params))]
  },
  eval: ([keys], params, [out]) => {
    const q = digitOf(params)
    const [, digits, blocks] = out.shape
    const n = keys.shape[1]
    const data = new Float64Array(size(out.shape))
    keys.data.forEach((key, at) => {
      const [line, i] = [Math.floor(at / n), at % n]
      data[(line * digits + digit(key, q)) * blocks + Math.floor(i / q.block)]++
    })
    return [{ ...out, data }]
  },
  jvp: 'nondifferentiable',
  transpose: 'nonlinear',
  batch: batch(() => digitCounts),
  kernel: { kind: 'digitCounts' },
  samples: [
    { inputs: [{ shape: [2, 10], dtype: 'u32', low: 0, high: 63 }], params: { shift: 2, bits: 3, block: 4 } },
    { inputs: [{ shape: [1, 6], dtype: 'u32', low: 0, high: 1 }], params: { shift: 0, bits: 1, block: 6 } },
  ],
})

export const digitSort = op({
  name: 'digitSort',
  doc: 'Moves keys u32[lines, n] (operand 1) and i32 values with them (operand 2; their indices if there is none) in order of a digit, equal ones in the order they have. Operand 0 is, for each digit and block, where its elements end: the running total of digitCounts.',
  infer: ([ends, keys, values], params) => {
    checkKeys('digitSort', keys)
    const want = showAval(countsOf(keys, digitOf(params)))
    if (showAval(ends) !== want) fail(`digitSort: expected ends ${want}, got ${showAval(ends)}`)
    const indices: Aval = { shape: keys.shape, dtype: 'i32' }
    if (values) takes('digitSort', values, ['i32'])
    if (values && showAval(values) !== showAval(indices))
      fail(`digitSort: expected values ${showAval(indices)}, got ${showAval(values)}`)
    return [keys, indices]
  },
  eval: ([ends, keys, values], params, outs) => {
    const q = digitOf(params)
    const [, digits, blocks] = ends.shape
    const n = keys.shape[1]
    const left = Float64Array.from(ends.data)
    const [sortedKeys, sorted] = outs.map(() => new Float64Array(keys.data.length))
    for (let at = keys.data.length - 1; at >= 0; at--) {
      const [line, i] = [Math.floor(at / n), at % n]
      const to = line * n + --left[(line * digits + digit(keys.data[at], q)) * blocks + Math.floor(i / q.block)]
      sortedKeys[to] = keys.data[at]
      sorted[to] = values ? values.data[at] : i
    }
    return [
      { ...outs[0], data: sortedKeys },
      { ...outs[1], data: sorted },
    ]
  },
  jvp: 'nondifferentiable',
  transpose: 'nonlinear',
  batch: batch(() => digitSort),
  kernel: { kind: 'digitSort' },
  samples: [
    {
      inputs: [
        { shape: [1, 4, 1], dtype: 'u32', values: [1, 4, 5, 5] },
        { shape: [1, 5], dtype: 'u32', values: [13, 1, 2, 9, 0] },
      ],
      params: { shift: 0, bits: 2, block: 5 },
    },
    {
      inputs: [
        { shape: [2, 2, 2], dtype: 'u32', values: [1, 2, 4, 5, 2, 3, 4, 5] },
        { shape: [2, 5], dtype: 'u32', values: [2, 0, 3, 1, 2, 1, 1, 2, 2, 0] },
        { shape: [2, 5], dtype: 'i32' },
      ],
      params: { shift: 1, bits: 1, block: 3 },
    },
  ],
})
