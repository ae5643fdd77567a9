import { sameShape, showShape, size } from '../ir/types.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { Arithmetic, At, Index, Update } from '../types/at.js'
import type { AnyTensor, DTypeOf, Operand, ShapeOf } from '../types/operand.js'
import type { Ok, Param } from '../types/shape.js'
import { fail } from './fail.js'
import { ANY, constant, expand, NUMERIC, sameDType, tensorOf } from './operand.js'
import { type Mode, type Places, placesOf, rowsOf } from './places.js'

/** Elements of a tensor of shape `S`, which together have the shape `R`. */
export interface Indexed<S, R, D> {
  /** The elements. Places outside an axis are moved into it, or give NaN (0 for integers) with mode 'fill'; 'wrap' repeats the axis. */
  get(options?: { readonly mode?: Mode }): Tensor<R, D>
  /** The tensor with the elements replaced. Where several values go to one element the last one stays. */
  set<const V extends Operand>(values: Param<V, Update<V, R, D>>): Tensor<S, D>
  /** With values added to the elements, in their order where several go to one. */
  add<const V extends Operand>(values: Param<V, Update<V, R, D, Arithmetic>>): Tensor<S, D>
  mul<const V extends Operand>(values: Param<V, Update<V, R, D, Arithmetic>>): Tensor<S, D>
  max<const V extends Operand>(values: Param<V, Update<V, R, D, Arithmetic>>): Tensor<S, D>
  min<const V extends Operand>(values: Param<V, Update<V, R, D, Arithmetic>>): Tensor<S, D>
}

type Combine = 'set' | 'add' | 'mul' | 'max' | 'min'

/**
 * The elements of `x` at `index` (`x.at[index]` in JAX): per axis a number, an i32 tensor of places, a slice { start, limit, step }, or
 * all of it (null or ':', and for axes that are not named). Tensors broadcast with each other, as in NumPy. Negative numbers and
 * places count from the back. Values for places outside an axis are dropped. All methods give a new tensor; a derivative of max and
 * min is shared evenly by equals.
 * Throws FoveaError 'shape' when a number or a slice is out of range or shapes don't fit, 'dtype' when places are not i32.
 *
 * @example
 * const x = tensor([10, 20, 30])
 * console.log(await at(x, tensor(new Int32Array([0, 2, 0]))).add(1).data()) // Float32Array(3) [ 12, 20, 31 ]
 */
export function at<X extends AnyTensor, const I extends Index>(
  x: X,
  index: Param<I, At<ShapeOf<X>, I>>,
): Indexed<ShapeOf<X>, Ok<At<ShapeOf<X>, I>>, DTypeOf<X>> {
  const t = tensorOf('at', x)
  const places = placesOf(t.aval.shape, index as Index)
  const update =
    (combine: Combine) =>
    (values: unknown): AnyTensor =>
      updated(t, places, valuesFor(t, places, values as Operand, combine), combine)
  return {
    get: (options?: { mode?: Mode }) => elements(t, places, options?.mode ?? 'clip'),
    set: update('set'),
    add: update('add'),
    mul: update('mul'),
    max: update('max'),
    min: update('min'),
  } as never
}

const countOf = ({ start, limit, step }: Places): number[] =>
  start.map((from, d) => Math.ceil((limit[d] - from) / step[d]))
const resultOf = (places: Places): number[] => {
  const counts = countOf(places)
  const kept = places.kept.map((d) => counts[d])
  return [...kept.slice(0, places.before), ...places.at, ...kept.slice(places.before)]
}
const isWhole = (x: AnyTensor, places: Places): boolean => sameShape(countOf(places), x.aval.shape)
const cut = (x: AnyTensor, places: Places): AnyTensor =>
  isWhole(x, places) ? x : prim.slice(x, places.start, places.limit, places.step)

/** Axes with places in front, as one of rows; and back. */
function table(region: AnyTensor, { looked, kept }: Places): AnyTensor {
  const { shape } = region.aval
  const front = prim.transpose(region, [...looked, ...kept])
  return prim.reshape(front, [size(looked.map((d) => shape[d])), ...kept.map((d) => shape[d])])
}
function regionOf(rows: AnyTensor, shape: readonly number[], { looked, kept }: Places): AnyTensor {
  const order = [...looked, ...kept]
  const apart = prim.reshape(
    rows,
    order.map((d) => shape[d]),
  )
  return prim.transpose(
    apart,
    shape.map((_, d) => order.indexOf(d)),
  )
}
/** The order of axes that has the places of [...at, ...kept] after the first of the kept. */
function placing({ at: { length: n }, kept, before }: Places): number[] {
  const axes = kept.map((_, i) => n + i)
  return [...axes.slice(0, before), ...Array.from({ length: n }, (_, i) => i), ...axes.slice(before)]
}

function elements(x: AnyTensor, places: Places, mode: Mode): AnyTensor {
  const region = cut(x, places)
  if (!places.looked.length) return prim.reshape(region, resultOf(places))
  const { rows, ids } = rowsOf(places, x.aval.shape, mode)
  if (!rows) fail('shape', `at: no places in an empty axis of ${showShape(x.aval.shape)}`)
  return prim.transpose(prim.gather(table(region, places), ids), placing(places))
}

/** Values as a tensor of the shape of the elements. */
function valuesFor(x: AnyTensor, places: Places, values: Operand, combine: Combine): AnyTensor {
  const shape = resultOf(places)
  if (combine !== 'set') tensorOf('at', x, NUMERIC)
  if (typeof values === 'number') return constant('at', values, shape, x.dtype)
  const v = tensorOf('at', values, ANY)
  sameDType('at', x.dtype, v.dtype)
  const from = v.aval.shape
  const sentence = `at: cannot broadcast ${showShape(from)} to ${showShape(shape)}`
  for (let i = 1; i <= Math.min(from.length, shape.length); i++) {
    const [a, b] = [from[from.length - i], shape[shape.length - i]]
    if (a !== 1 && a !== b) fail('shape', `${sentence}: dim ${a} vs ${b}`)
  }
  if (from.length > shape.length) fail('shape', `${sentence}: it has more dims`)
  return expand(v, shape)
}

function updated(x: AnyTensor, places: Places, values: AnyTensor, combine: Combine): AnyTensor {
  if (!values.size || !x.size) return x
  if (!places.looked.length) return updatedSlice(x, places, prim.reshape(values, countOf(places)), combine)
  const order = placing(places)
  const updates = prim.transpose(
    values,
    order.map((_, i) => order.indexOf(i)),
  )
  const { ids } = rowsOf(places, x.aval.shape, 'fill')
  const region = cut(x, places)
  const result = regionOf(scattered(table(region, places), ids, updates, combine), region.aval.shape, places)
  return isWhole(x, places) ? result : updatedSlice(x, places, result, 'set')
}

/** Where updates are at known places they are spread out and put together with the tensor elementwise. */
function updatedSlice(x: AnyTensor, { start, step }: Places, updates: AnyTensor, combine: Combine): AnyTensor {
  const { shape } = updates.aval
  if (combine === 'set' && sameShape(shape, x.aval.shape)) return updates
  const ends = start.map((from, d) => from + (shape[d] - 1) * step[d] + 1)
  const spread = (u: AnyTensor, fill: AnyTensor): AnyTensor =>
    prim.pad(
      u,
      fill,
      start,
      ends.map((end, d) => x.aval.shape[d] - end),
      step.map((by) => by - 1),
    )
  const around = (value: number): AnyTensor => spread(updates, prim.constant(value, x.dtype))
  if (combine === 'add') return prim.add(x, around(0))
  if (combine === 'mul') return prim.mul(x, around(1))
  const isHere = spread(prim.full(shape, 1, 'bool'), prim.constant(0, 'bool'))
  if (combine === 'set') return prim.select(isHere, around(0), x)
  return prim.select(isHere, (combine === 'max' ? prim.max : prim.min)(x, around(0)), x)
}

function scattered(rows: AnyTensor, ids: AnyTensor, updates: AnyTensor, combine: Combine): AnyTensor {
  const [count, ...rest] = rows.aval.shape
  if (combine === 'add') return prim.add(rows, prim.scatterAdd(ids, updates, count))
  if (combine === 'mul') return prim.mul(rows, prim.segmentProd(ids, updates, count))
  if (combine === 'max') return prim.scatterMax(rows, ids, updates)
  if (combine === 'min') return prim.scatterMin(rows, ids, updates)
  // The last update of each row, by its number; less than 0 where there is none.
  const numbers = prim.reshape(prim.iota([ids.size], 0), ids.aval.shape)
  const last = prim.segmentMax(ids, numbers, count)
  const chosen = prim.gather(prim.reshape(updates, [ids.size, ...rest]), last)
  return prim.select(prim.broadcastInDim(prim.ge(last, prim.like(last, 0)), rows.aval.shape, [0]), chosen, rows)
}
