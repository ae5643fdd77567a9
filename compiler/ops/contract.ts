import { showShape, size } from '../ir/types.js'
import { type AnyTensor, type OpRecord, op } from './op.js'
import * as p from './prim.js'
import { asResult, fail, stridesOf, takesFloats } from './rules.js'

type Dims = p.DotDims
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
/** Dims of each operand in three groups, and their sizes. */
export function dotGroups(
  lhs: readonly number[],
  rhs: readonly number[],
  dims: Dims,
): { lhsFree: number[]; rhsFree: number[] } {
  const free = (shape: readonly number[], ...used: (readonly number[])[]): number[] =>
    range(shape.length).filter((d) => !used.some((u) => u.includes(d)))
  return { lhsFree: free(lhs, dims.lhsBatch, dims.lhsContract), rhsFree: free(rhs, dims.rhsBatch, dims.rhsContract) }
}

/** Transposes `x`, whose dims are listed by what dims of the target they are. */
const arrange = (x: AnyTensor, target: readonly number[]): AnyTensor => {
  const permutation = range(target.length).map((d) => target.indexOf(d))
  return permutation.every((d, i) => d === i) ? x : p.transpose(x, permutation)
}

export const dotGeneral: OpRecord = op({
  name: 'dotGeneral',
  doc: 'Sum of products over the contracting dims, for each batch index; output dims are batch, lhs free, rhs free (lax.dot_general). Sums are f32, rounded once.',
  infer: ([a, b], params) => {
    const dims = params as unknown as Dims
    takesFloats('dotGeneral', a, b)
    const pairs = [
      ...dims.lhsBatch.map((d, i) => ['batch', d, dims.rhsBatch[i]] as const),
      ...dims.lhsContract.map((d, i) => ['contracting', d, dims.rhsContract[i]] as const),
    ]
    if (dims.lhsBatch.length !== dims.rhsBatch.length || dims.lhsContract.length !== dims.rhsContract.length)
      fail(`dotGeneral: expected as many dims on both sides, got ${JSON.stringify(dims)}`)
    if (new Set(pairs.map(([, i]) => i)).size < pairs.length || new Set(pairs.map(([, , j]) => j)).size < pairs.length)
      fail(`dotGeneral: expected each dim once, got ${JSON.stringify(dims)}`)
    for (const [what, i, j] of pairs)
      if (a.shape[i] !== b.shape[j] || a.shape[i] === undefined)
        fail(
          `dotGeneral: ${what} dims differ: ${a.shape[i]} vs ${b.shape[j]} in ${showShape(a.shape)} x ${showShape(b.shape)}`,
        )
    const { lhsFree, rhsFree } = dotGroups(a.shape, b.shape, dims)
    return [
      {
        shape: [
          ...dims.lhsBatch.map((d) => a.shape[d]),
          ...lhsFree.map((d) => a.shape[d]),
          ...rhsFree.map((d) => b.shape[d]),
        ],
        dtype: a.dtype,
      },
    ]
  },
  eval: ([a, b], params, [out]) => {
    const dims = params as unknown as Dims
    const { lhsFree, rhsFree } = dotGroups(a.shape, b.shape, dims)
    const [sa, sb] = [stridesOf(a.shape), stridesOf(b.shape)]
    /** Addresses of all indices over `which` dims. */
    const addresses = (shape: readonly number[], strides: readonly number[], which: readonly number[]): number[] =>
      which.reduce<number[]>((all, d) => all.flatMap((at) => range(shape[d]).map((i) => at + i * strides[d])), [0])
    const [batchA, batchB] = [addresses(a.shape, sa, dims.lhsBatch), addresses(b.shape, sb, dims.rhsBatch)]
    const [rows, columns] = [addresses(a.shape, sa, lhsFree), addresses(b.shape, sb, rhsFree)]
    const [ka, kb] = [addresses(a.shape, sa, dims.lhsContract), addresses(b.shape, sb, dims.rhsContract)]
    const data = new Float64Array(size(out.shape))
    let at = 0
    batchA.forEach((ba, i) => {
      for (const r of rows)
        for (const c of columns) {
          let sum = 0
          for (let k = 0; k < ka.length; k++) sum += a.data[ba + r + ka[k]] * b.data[batchB[i] + c + kb[k]]
          data[at++] = sum
        }
    })
    return [asResult(out, data)]
  },
  jvp: ({ inputs: [a, b], tangents: [ta, tb], params }) => {
    const dims = params as unknown as Dims
    const parts = [ta && p.dotGeneral(ta, b, dims), tb && p.dotGeneral(a, tb, dims)].filter((t) => t !== null)
    return [parts.length === 2 ? p.add(parts[0], parts[1]) : (parts[0] ?? null)]
  },
  transpose: ({ cotangents: [ct], inputs: [a, b], linear, params }) => {
    if (!ct) return [null, null]
    const dims = params as unknown as Dims
    const { lhsFree, rhsFree } = dotGroups(a.aval.shape, b.aval.shape, dims)
    const batch = range(dims.lhsBatch.length)
    const lhsAt = lhsFree.map((_, i) => batch.length + i)
    const rhsAt = rhsFree.map((_, i) => batch.length + lhsFree.length + i)
    // d lhs[batch, free, contract] = sum over rhs free of ct · rhs; its dims then go back to their places.
    const grad = (
      other: AnyTensor,
      ctFree: number[],
      otherFree: number[],
      otherBatch: readonly number[],
      own: { batch: readonly number[]; free: number[]; contract: readonly number[]; other: readonly number[] },
    ): AnyTensor => {
      const order = range(other.aval.shape.length).filter((d) => own.other.includes(d))
      const g = p.dotGeneral(ct, other, {
        lhsBatch: batch,
        rhsBatch: otherBatch,
        lhsContract: ctFree,
        rhsContract: otherFree,
      })
      // g's dims: batch, own free, then the other operand's contracting dims in the order they stand there.
      return arrange(g, [...own.batch, ...own.free, ...order.map((d) => own.contract[own.other.indexOf(d)])])
    }
    return [
      linear[0]
        ? grad(b, rhsAt, rhsFree, dims.rhsBatch, {
            batch: dims.lhsBatch,
            free: lhsFree,
            contract: dims.lhsContract,
            other: dims.rhsContract,
          })
        : null,
      linear[1]
        ? grad(a, lhsAt, lhsFree, dims.lhsBatch, {
            batch: dims.rhsBatch,
            free: rhsFree,
            contract: dims.rhsContract,
            other: dims.lhsContract,
          })
        : null,
    ]
  },
  batch: ({ inputs: [a, b], batched, params }) => {
    const dims = params as unknown as Dims
    const up = (ds: readonly number[], on: boolean): number[] => ds.map((d) => (on ? d + 1 : d))
    const lhs = { lhsContract: up(dims.lhsContract, batched[0]), lhsBatch: up(dims.lhsBatch, batched[0]) }
    const rhs = { rhsContract: up(dims.rhsContract, batched[1]), rhsBatch: up(dims.rhsBatch, batched[1]) }
    if (batched[0] && batched[1])
      return [p.dotGeneral(a, b, { ...lhs, ...rhs, lhsBatch: [0, ...lhs.lhsBatch], rhsBatch: [0, ...rhs.rhsBatch] })]
    const y = p.dotGeneral(a, b, { ...lhs, ...rhs })
    // The mapped axis is the first free dim of its operand: bring it to the front.
    const { lhsFree } = dotGroups(a.aval.shape, b.aval.shape, { ...lhs, ...rhs })
    const at = batched[0] ? dims.lhsBatch.length : dims.lhsBatch.length + lhsFree.length
    return [p.transpose(y, [at, ...range(y.aval.shape.length).filter((d) => d !== at)])]
  },
  kernel: { kind: 'dot' },
  samples: [
    {
      inputs: [{ shape: [3, 4] }, { shape: [4, 5] }],
      params: { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] },
    },
    {
      inputs: [{ shape: [3, 4] }, { shape: [5, 4] }],
      params: { lhsContract: [1], rhsContract: [1], lhsBatch: [], rhsBatch: [] },
    },
    {
      inputs: [{ shape: [4, 3] }, { shape: [4, 8] }],
      params: { lhsContract: [0], rhsContract: [0], lhsBatch: [], rhsBatch: [] },
    },
    {
      inputs: [{ shape: [2, 3, 4] }, { shape: [2, 4, 5] }],
      params: { lhsContract: [2], rhsContract: [1], lhsBatch: [0], rhsBatch: [0] },
    },
    {
      inputs: [{ shape: [2, 3, 2, 4] }, { shape: [2, 5, 2, 4] }],
      params: { lhsContract: [3], rhsContract: [3], lhsBatch: [0, 2], rhsBatch: [0, 2] },
    },
    {
      inputs: [{ shape: [2, 3, 4] }, { shape: [4, 2, 5] }],
      params: { lhsContract: [0, 2], rhsContract: [1, 0], lhsBatch: [], rhsBatch: [] },
    },
    {
      inputs: [{ shape: [6] }, { shape: [6] }],
      params: { lhsContract: [0], rhsContract: [0], lhsBatch: [], rhsBatch: [] },
    },
    {
      inputs: [{ shape: [3] }, { shape: [2] }],
      params: { lhsContract: [], rhsContract: [], lhsBatch: [], rhsBatch: [] },
    },
    {
      inputs: [{ shape: [0, 4] }, { shape: [4, 3] }],
      params: { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] },
    },
    {
      inputs: [{ shape: [3, 0] }, { shape: [0, 5] }],
      params: { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] },
    },
    {
      inputs: [{ shape: [33, 17] }, { shape: [17, 36] }],
      params: { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] },
    },
  ],
})
