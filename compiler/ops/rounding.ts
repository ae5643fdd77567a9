import type { DType } from '../ir/types.js'
import { showAval } from '../ir/types.js'
import { FoveaError } from '../trace/error.js'
import { discrete, one, unary } from './elementwise.js'
import { type OpRecord, op } from './op.js'
import { elementwise, pointwise, same } from './rules.js'

/** Rounding, and what an element's bits say. */

/** To the nearest integer, halves to the even one. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x)
  const rest = x - floor
  if (rest === 0 || !Number.isFinite(x)) return x
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0)
  const y = up ? floor + 1 : floor
  return y === 0 ? (x < 0 ? -0 : 0) : y
}
const rounding = (name: string, doc: string, f: (x: number) => number): OpRecord =>
  unary(name, {
    doc,
    f,
    slope: null,
    samples: [
      ...one(1.2, 1.4),
      { inputs: [{ shape: [7], values: [-2.5, -1.5, -0.5, -0.2, 0.5, 1.5, 2.5] }], smooth: false },
    ],
  })
export const ceil = rounding('ceil', 'Smallest integer not below.', Math.ceil)
export const round = rounding('round', 'Nearest integer, halves to the even one.', roundHalfEven)
export const trunc = rounding('trunc', 'The integer part, rounded towards zero.', Math.trunc)

const count = (name: string, doc: string, f: (x: number) => number): OpRecord =>
  op({
    ...discrete,
    name,
    doc,
    infer: same(name, ['i32', 'u32']),
    eval: elementwise(f),
    kernel: pointwise(name),
    samples: [
      { inputs: [{ shape: [5], dtype: 'u32', values: [0, 1, 0xffffffff, 0x80000000, 0xf0f00] }] },
      { inputs: [{ shape: [4], dtype: 'i32', values: [0, -1, 7, -2147483648] }] },
      { inputs: [{ shape: [], dtype: 'i32' }] },
    ],
  })
export const popcount = count('popcount', 'How many bits are 1.', (x) => {
  let n = 0
  for (let v = x >>> 0; v; v &= v - 1) n++
  return n
})
export const clz = count('clz', 'How many bits are 0 above the highest 1; 32 of 0.', Math.clz32)

const words: readonly DType[] = ['f32', 'i32', 'u32']
const scratch = new DataView(new ArrayBuffer(4))
const put: Partial<Record<DType, (x: number) => void>> = {
  f32: (x) => scratch.setFloat32(0, x),
  i32: (x) => scratch.setInt32(0, x),
  u32: (x) => scratch.setUint32(0, x),
}
const get: Partial<Record<DType, () => number>> = {
  f32: () => scratch.getFloat32(0),
  i32: () => scratch.getInt32(0),
  u32: () => scratch.getUint32(0),
}

export const bitcast = op({
  ...discrete,
  name: 'bitcast',
  doc: 'The same bits as params.dtype, another dtype of 32 bits.',
  infer: ([x], params) => {
    const dtype = params.dtype as DType
    for (const d of [x.dtype, dtype])
      if (!words.includes(d))
        throw new FoveaError('dtype', `bitcast: expected f32, i32 or u32, got ${showAval(x)} to ${dtype}`)
    return [{ shape: x.shape, dtype }]
  },
  eval: ([x], params, [out]) => {
    const read = get[params.dtype as DType]!
    const data = x.data.map((v) => {
      put[x.dtype]!(v)
      return read()
    })
    return [{ ...out, data }]
  },
  kernel: {
    kind: 'map',
    cost: 0.5,
    value: ({ e, read, index, ins: [x], out }) => {
      const a = read(0, index)
      if (x.dtype === out.dtype) return a
      if (out.dtype === 'f32') return e.call('float', 'f32', [x.dtype === 'i32' ? a : e.call('cast', 'i32', [a])])
      const signed = x.dtype === 'f32' ? e.call('bits', 'i32', [a]) : a
      return signed.t === out.dtype ? signed : e.call('cast', out.dtype, [signed])
    },
  },
  samples: [
    { inputs: [{ shape: [5], values: [0, -0, 1, -2.5, Infinity] }], params: { dtype: 'i32' } },
    { inputs: [{ shape: [3], values: [0, -1, 3e38] }], params: { dtype: 'u32' } },
    {
      inputs: [{ shape: [2, 2], dtype: 'u32', values: [0x3f800000, 0xc0000000, 0, 0x7f800000] }],
      params: { dtype: 'f32' },
    },
    { inputs: [{ shape: [3], dtype: 'i32', values: [-1, 0, 7] }], params: { dtype: 'u32' } },
  ],
})
