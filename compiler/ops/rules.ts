import { asDtype, isFloat, nameOf } from '../ir/dtype.js'
import type { Aval, DType } from '../ir/types.js'
import { sameShape, showAval, size } from '../ir/types.js'
import { FoveaError } from '../trace/error.js'
import type { AnyTensor, KernelRule, RefArray, TransposeRule } from './op.js'

/** Pieces that several records share. */

export const fail = (message: string): never => {
  throw new FoveaError('shape', message)
}

/** Throws FoveaError 'dtype' when the op doesn't take the operand's dtype. */
export const takes = (name: string, x: Aval, allowed: readonly DType[]): void => {
  if (!allowed.includes(x.dtype))
    throw new FoveaError('dtype', `${name}: expected ${nameOf(allowed)}, got ${showAval(x)}`)
}

/** The same for two operands of one float dtype. */
export const takesFloats = (name: string, a: Aval, b: Aval): void => {
  if (a.dtype !== b.dtype || !isFloat(a.dtype))
    throw new FoveaError(
      'dtype',
      `${name}: expected two operands of one float dtype, got ${showAval(a)} and ${showAval(b)}`,
    )
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
    if (allowed) takes(name, first, allowed)
    return [first]
  }

/** What a record computed in f64, as the dtype of the result holds it. */
export const asResult = (out: Aval, data: Float64Array): RefArray => ({
  ...out,
  data: out.dtype === 'f32' ? data : data.map((x) => asDtype(x, out.dtype)),
})

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
