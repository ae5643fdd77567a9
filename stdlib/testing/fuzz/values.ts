import { held } from '../../../compiler/ir/dtype.js'
import type { Aval, DType, Eqn, Fn, Params, Var } from '../../../compiler/ir/types.js'
import { isFloat, sameShape, size } from '../../../compiler/ir/types.js'
import { type OpRecord, opOf, type RefArray } from '../../../compiler/ops/op.js'
import { endsOf, usualRange } from '../elements.js'
import type { Draw } from './draw.js'
import type { RandomProgram } from './program.js'

/** A value of a program under construction, and what it is when the program runs. */
export interface Value {
  readonly v: Var
  readonly at: RefArray
}

export interface Range {
  readonly low?: number
  readonly high?: number
  readonly values?: readonly number[]
}

/** A program under construction. It runs as it grows, so that what would overflow or leave an op's domain is not added. */
export interface Growing {
  readonly values: readonly Value[]
  readonly length: number
  input(shape: readonly number[], dtype: DType, range?: Range): Value
  /** The results of an op; undefined when its record refuses the operands, or a result is too large or not finite. */
  apply(record: OpRecord, operands: readonly Value[], params?: Params, fns?: readonly Fn[]): Value[] | undefined
  /** `x` in a shape and dtype, by casts and views. */
  fit(x: Value, shape: readonly number[], dtype: DType): Value | undefined
  /** With every value that nothing reads as a result. */
  finish(name: string): RandomProgram
}

const mostElements = 512
const mostDims = 5
/** Larger values lose too many digits in f32. */
const largest = 1e4

export function growing(draw: Draw): Growing {
  const inputs: Value[] = []
  const values: Value[] = []
  const eqns: Eqn[] = []
  const unread = new Set<Value>()
  let id = 0
  const add = (at: RefArray): Value => {
    const value = { v: { id: id++, aval: { shape: at.shape, dtype: at.dtype } }, at }
    values.push(value)
    unread.add(value)
    return value
  }

  const input: Growing['input'] = (shape, dtype, range = {}) => {
    const data = Float64Array.from({ length: size(shape) }, () => element(draw, dtype, range))
    const value = add({ shape, dtype, data })
    inputs.push(value)
    return value
  }

  const apply: Growing['apply'] = (record, operands, params = {}, fns) => {
    const avals = legal(() =>
      record.infer(
        operands.map((x) => x.v.aval),
        params,
        fns,
      ),
    )
    if (!avals?.every(isSmall)) return undefined
    const results = record.eval(
      operands.map((x) => x.at),
      params,
      avals,
      fns,
    )
    if (!results.every(tame)) return undefined
    const outs = results.map(add)
    for (const x of operands) unread.delete(x)
    eqns.push({
      op: record.name,
      inputs: operands.map((x) => x.v),
      params,
      ...(fns?.length && { fns }),
      outputs: outs.map((y) => y.v),
      scope: '',
    })
    return outs
  }
  const one = (op: string, x: readonly Value[], params: Params = {}): Value | undefined =>
    apply(opOf(op), x, params)?.[0]

  const reshaped = (x: Value | undefined, shape: readonly number[]): Value | undefined =>
    x && (sameShape(x.v.aval.shape, shape) ? x : one('reshape', [x], { shape }))
  const fit: Growing['fit'] = (given, shape, dtype) => {
    const x = given.v.aval.dtype === dtype ? given : one('cast', [given], { dtype })
    if (!x || sameShape(x.v.aval.shape, shape)) return x
    const [from, to] = [size(x.v.aval.shape), size(shape)]
    if (from === to) return reshaped(x, shape)
    const dims = x.v.aval.shape.map((_, d) => d + shape.length - x.v.aval.shape.length)
    if (dims.every((d, i) => d >= 0 && [1, shape[d]].includes(x.v.aval.shape[i])))
      return one('broadcastInDim', [x], { shape, dims })
    if (from === 0) return undefined
    if (from === 1) return one('broadcastInDim', [reshaped(x, [])!], { shape, dims: [] })
    const line = reshaped(x, [from])
    if (!line) return undefined
    if (from > to) return reshaped(one('slice', [line], { start: [from - to], limit: [from], stride: [1] }), shape)
    const zero = one('constant', [], { value: isFloat(dtype) ? 0.5 : 1, dtype })
    return zero && reshaped(one('pad', [line, zero], { low: [0], high: [to - from], interior: [0] }), shape)
  }

  return {
    values,
    get length() {
      return eqns.length
    },
    input,
    apply,
    fit,
    finish: (name) => {
      const read = inputs.filter((x) => !unread.has(x) || !eqns.length)
      const outputs = [...unread].filter((x) => !inputs.includes(x) || !eqns.length)
      return {
        fn: { name, inputs: read.map((x) => x.v), eqns, outputs: outputs.map((x) => x.v) },
        inputs: read.map((x) => x.at),
      }
    },
  }
}

/** What `f` gives; undefined when it refuses its arguments, or trips over a number of them that it doesn't expect. */
export function legal<T>(f: () => T): T | undefined {
  try {
    return f()
  } catch {
    return undefined
  }
}

const isSmall = ({ shape }: Aval): boolean =>
  shape.length <= mostDims && shape.every((n) => Number.isInteger(n) && n >= 0) && size(shape) <= mostElements
const tame = ({ dtype, data }: RefArray): boolean => !isFloat(dtype) || data.every((x) => Math.abs(x) <= largest)

/** Mostly anywhere in the range; sometimes whole numbers, so that values meet. */
function element(draw: Draw, dtype: DType, { low, high, values }: Range): number {
  const [ends, usual] = [endsOf(dtype), usualRange(dtype)]
  // A range may be that of another dtype.
  const nearest = (x: number): number =>
    held(isFloat(dtype) ? x : Math.floor(Math.min(Math.max(x, ends.least), ends.most)), dtype)
  if (values && draw.chance(0.7)) return nearest(draw.pick(values))
  const [from, to] = [nearest(low ?? usual.low), nearest(high ?? usual.high)]
  if (!isFloat(dtype)) return nearest(draw.real(from, to + 1))
  const x = nearest(draw.real(from, to))
  const whole = Math.round(x)
  return draw.chance(0.1) && whole >= from && whole <= to ? whole : x
}
