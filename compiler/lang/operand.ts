import { classes, dtypes, integerRange, isFloat, isInteger, nameOf, promotion } from '../ir/dtype.js'
import type { DType } from '../ir/types.js'
import { sameShape, showShape } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import { Tensor } from '../trace/tensor.js'
import type { AnyTensor, Operand } from '../types/operand.js'
import { fail } from './fail.js'

export const FLOAT: readonly DType[] = classes['a float']
export const NUMERIC: readonly DType[] = classes['a number']
export const SIGNED: readonly DType[] = classes['a signed number']
export const INTEGER: readonly DType[] = classes['an integer']
export const WORD: readonly DType[] = ['i32', 'u32']
export const BOOL: readonly DType[] = ['bool']
export const ANY: readonly DType[] = dtypes

/** What was given in a tensor's place, and what would make one of it. */
function kind(x: unknown): string {
  if (x instanceof Promise) return 'a promise: await it first'
  if (Array.isArray(x)) return 'an array: make a tensor of it with tensor()'
  if (ArrayBuffer.isView(x)) return `a ${x.constructor.name}: make a tensor of it with tensor()`
  if (typeof x === 'object' && x !== null) return `an object with ${Object.keys(x).join(', ') || 'no fields'}`
  return x === null || x === undefined ? String(x) : `a ${typeof x}`
}

function listOf(op: string, xs: unknown): readonly unknown[] {
  if (!Array.isArray(xs))
    fail('trace', `${op}: expected a list of tensors, got ${xs instanceof Tensor ? 'one tensor' : kind(xs)}`)
  return xs
}

/** Checks that `x` is a tensor of one of the dtypes allowed. */
export function tensorOf(op: string, x: unknown, allowed: readonly DType[] = ANY): AnyTensor {
  if (!(x instanceof Tensor)) fail('trace', `${op}: expected a tensor, got ${kind(x)}`)
  if (!allowed.includes(x.aval.dtype))
    fail('dtype', `${op}: expected ${nameOf(allowed)}, got ${x.aval.dtype}; cast it first`)
  return x
}

/** A list of tensors of one dtype. */
export function tensorsOf(op: string, xs: readonly unknown[]): AnyTensor[] {
  const tensors = listOf(op, xs).map((x) => tensorOf(op, x))
  for (const x of tensors) sameDType(op, tensors[0].aval.dtype, x.aval.dtype)
  return tensors
}

/** A list of tensors, cast to the dtype that they promote to. */
export function promoted(op: string, xs: readonly unknown[], allowed: readonly DType[] = ANY): AnyTensor[] {
  const tensors = listOf(op, xs).map((x) => tensorOf(op, x))
  if (!tensors.length) return []
  const dtype = tensors.map((x) => x.aval.dtype).reduce((a, b) => promote(op, a, b))
  return tensors.map((x) => tensorOf(op, prim.cast(x, dtype), allowed))
}

/** What two dtypes become when they meet. */
export function promote(op: string, a: DType, b: DType): DType {
  const dtype = promotion[a][b]
  return dtype ?? fail('dtype', `${op}: ${a} and ${b} have no common dtype; cast one of them`)
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
  const [low, high] = isInteger(dtype) ? integerRange[dtype] : [0, 1]
  const fits = isFloat(dtype) || (Number.isInteger(value) && value >= low && value <= high)
  if (!fits) fail('dtype', `${op}: ${value} is not a value of ${dtype}; cast the tensor first`)
  return prim.full(shape, value, dtype)
}

/** Two operands of an elementwise op, broadcast to one shape and cast to the dtype they promote to; a number takes the other's. */
export function pair(op: string, a: Operand, b: Operand, allowed: readonly DType[]): [AnyTensor, AnyTensor] {
  if (typeof a === 'number') {
    if (typeof b === 'number') fail('dtype', `${op}: expected at least one tensor, got two numbers`)
    const y = tensorOf(op, b, allowed)
    return [constant(op, a, y.aval.shape, y.aval.dtype), y]
  }
  if (typeof b === 'number') {
    const x = tensorOf(op, a, allowed)
    return [x, constant(op, b, x.aval.shape, x.aval.dtype)]
  }
  const [x, y] = promoted(op, [a, b], allowed)
  const shape = broadcastShapes(`${op}: cannot broadcast`, x.aval.shape, y.aval.shape)
  return [expand(x, shape), expand(y, shape)]
}
