import type { DType } from '../ir/types.js'
import { sameShape, showShape } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import { Tensor } from '../trace/tensor.js'
import type { AnyTensor, Operand } from '../types/operand.js'
import { fail } from './fail.js'

export const FLOAT: readonly DType[] = ['f32']
export const NUMERIC: readonly DType[] = ['f32', 'i32', 'u32']
export const SIGNED: readonly DType[] = ['f32', 'i32']
export const INTEGER: readonly DType[] = ['i32', 'u32']
export const BOOL: readonly DType[] = ['bool']
export const ANY: readonly DType[] = ['f32', 'i32', 'u32', 'bool']

const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} or ${names[names.length - 1]}`
const kind = (x: unknown): string => (x === null ? 'null' : Array.isArray(x) ? 'an array' : typeof x)

/** Checks that `x` is a tensor of one of `dtypes`. */
export function tensorOf(op: string, x: unknown, dtypes: readonly DType[] = ANY): AnyTensor {
  if (!(x instanceof Tensor)) fail('trace', `${op}: expected a tensor, got ${kind(x)}`)
  if (!dtypes.includes(x.aval.dtype))
    fail('dtype', `${op}: expected ${listed(dtypes)}, got ${x.aval.dtype}; cast it first`)
  return x
}

/** A list of tensors of one dtype. */
export function tensorsOf(op: string, xs: readonly unknown[]): AnyTensor[] {
  const tensors = xs.map((x) => tensorOf(op, x))
  for (const x of tensors) sameDType(op, tensors[0].aval.dtype, x.aval.dtype)
  return tensors
}

export function sameDType(op: string, a: DType, b: DType): void {
  if (a !== b) fail('dtype', `${op}: dtypes differ: ${a} vs ${b}; cast one of them`)
}

/** NumPy's broadcast of two shapes. `what` begins the error: 'add: cannot broadcast'. */
export function broadcastShapes(what: string, a: readonly number[], b: readonly number[]): readonly number[] {
  if (sameShape(a, b)) return a
  const rank = Math.max(a.length, b.length)
  const out = new Array<number>(rank)
  for (let i = 1; i <= rank; i++) {
    const x = a[a.length - i] ?? 1
    const y = b[b.length - i] ?? 1
    if (x !== y && x !== 1 && y !== 1) fail('shape', `${what} ${showShape(a)} with ${showShape(b)}: dim ${x} vs ${y}`)
    out[rank - i] = x === 1 ? y : x
  }
  return out
}

/** Repeats `x` to `shape`, dims aligned at the right. No node when the shape is the same. */
export function expand(x: AnyTensor, shape: readonly number[]): AnyTensor {
  const from = x.aval.shape
  if (sameShape(from, shape)) return x
  const shift = shape.length - from.length
  return prim.broadcastInDim(
    x,
    shape,
    from.map((_, i) => i + shift),
  )
}

/** A number as a tensor of a shape and dtype; numbers that the dtype cannot hold are errors. */
export function constant(op: string, value: number, shape: readonly number[], dtype: DType): AnyTensor {
  const fits =
    dtype === 'f32' ||
    (dtype === 'bool' && (value === 0 || value === 1)) ||
    (Number.isInteger(value) &&
      (dtype === 'i32' ? value >= -(2 ** 31) && value < 2 ** 31 : dtype === 'u32' && value >= 0 && value < 2 ** 32))
  if (!fits) fail('dtype', `${op}: ${value} is not a value of ${dtype}; cast the tensor first`)
  return prim.full(shape, value, dtype)
}

/** Two operands of an elementwise op, broadcast to one shape; a number takes the other's dtype. */
export function pair(op: string, a: Operand, b: Operand, dtypes: readonly DType[]): [AnyTensor, AnyTensor] {
  if (typeof a === 'number') {
    if (typeof b === 'number') fail('dtype', `${op}: expected at least one tensor, got two numbers`)
    const y = tensorOf(op, b, dtypes)
    return [constant(op, a, y.aval.shape, y.aval.dtype), y]
  }
  if (typeof b === 'number') {
    const x = tensorOf(op, a, dtypes)
    return [x, constant(op, b, x.aval.shape, x.aval.dtype)]
  }
  const x = tensorOf(op, a)
  const y = tensorOf(op, b)
  sameDType(op, x.aval.dtype, y.aval.dtype)
  tensorOf(op, x, dtypes)
  const shape = broadcastShapes(`${op}: cannot broadcast`, x.aval.shape, y.aval.shape)
  return [expand(x, shape), expand(y, shape)]
}
