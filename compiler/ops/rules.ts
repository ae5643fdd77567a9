import type { Aval, DType } from '../ir/types.js'
import { sameShape, showAval, size } from '../ir/types.js'
import { FoveaError } from '../trace/error.js'
import type { AnyTensor, KernelRule, RefArray, TransposeRule } from './op.js'

/** Pieces that several records share. */

export const fail = (message: string): never => {
  throw new FoveaError('shape', message)
}

/** All operands have one shape and dtype, which is the result's. */
export const same =
  (name: string, allowed?: readonly DType[]) =>
  (ins: readonly Aval[]): Aval[] => {
    const [first] = ins
    for (const a of ins) {
      if (!sameShape(a.shape, first.shape))
        fail(`${name}: expected operands of one shape, got ${ins.map(showAval).join(' and ')}`)
      if (a.dtype !== first.dtype)
        throw new FoveaError(
          'dtype',
          `${name}: expected operands of one dtype, got ${ins.map(showAval).join(' and ')}; cast one`,
        )
    }
    if (allowed && !allowed.includes(first.dtype))
      throw new FoveaError('dtype', `${name}: expected ${allowed.join(' or ')}, got ${showAval(first)}`)
    return [first]
  }

export const asDtype = (x: number, dtype: DType): number => {
  switch (dtype) {
    case 'f32':
      return x
    case 'i32':
      return x | 0
    case 'u32':
      return x >>> 0
    case 'bool':
      return x === 0 ? 0 : 1
  }
}

/** Applies `f` element by element. */
export const elementwise =
  (f: (...xs: number[]) => number) =>
  (ins: readonly RefArray[], _params: unknown, [out]: readonly Aval[]): RefArray[] => {
    const data = new Float64Array(size(out.shape))
    const [a, b, c] = ins.map((x) => x.data)
    for (let i = 0; i < data.length; i++) data[i] = asDtype(f(a[i], b?.[i], c?.[i]), out.dtype)
    return [{ ...out, data }]
  }

/** A kernel that calls the scalar function `f` on the operands at the same index. */
export const pointwise = (f: string, cost = 1): KernelRule => ({
  kind: 'map',
  cost,
  value: ({ e, read, index, ins, out }) =>
    e.call(
      f,
      out.dtype,
      ins.map((_, i) => read(i, index)),
    ),
})

/** The transpose of a linear op of one operand. */
export const linear1 =
  (f: (ct: AnyTensor, x: Aval, params: any) => AnyTensor): TransposeRule =>
  ({ cotangents: [ct], inputs, params, linear }) =>
    inputs.map((x, i) => (i === 0 && linear[0] && ct ? f(ct, x.aval, params) : null))

/** Row-major strides. */
export const stridesOf = (shape: readonly number[]): number[] => {
  const out = new Array<number>(shape.length)
  let n = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    out[i] = n
    n *= shape[i]
  }
  return out
}

/** Calls `f` with every index of `shape` in row-major order. */
export function eachIndex(shape: readonly number[], f: (index: readonly number[], at: number) => void): void {
  const n = size(shape)
  const index = shape.map(() => 0)
  for (let at = 0; at < n; at++) {
    f(index, at)
    for (let d = shape.length - 1; d >= 0; d--) {
      if (++index[d] < shape[d]) break
      index[d] = 0
    }
  }
}
