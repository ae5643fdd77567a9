import type { DType } from '../ir/types.js'
import { Tensor } from '../trace/tensor.js'
import type { At, Index } from '../types/at.js'
import type { Axis } from '../types/axes.js'
import type { BroadcastTo } from '../types/broadcast.js'
import type { Dims } from '../types/dim.js'
import type { MatMul } from '../types/matmul.js'
import type {
  AnyTensor,
  Binary,
  BinaryShape,
  Common,
  DTypeOf,
  Float,
  Numeric,
  Operand,
  ShapeOf,
  Signed,
  TakesTensor,
} from '../types/operand.js'
import type { Flatten, Reshape } from '../types/reshape.js'
import type { Ok, Param } from '../types/shape.js'
import type { Slice } from '../types/slices.js'
import type { ExpandDims, Squeeze, Transpose } from '../types/views.js'
import { add, cast, div, mul, neg, pow, sub } from './arithmetic.js'
import { at, type Indexed } from './at.js'
import { type Mixing, matmul } from './contract.js'
import { slice } from './slices.js'
import { broadcastTo, expandDims, flatten, reshape, squeeze, transpose } from './views.js'

type Method<Op extends string, C> = <X extends AnyTensor, const R extends Operand>(
  this: X,
  other: Param<R, Binary<Op, X, R, C>>,
) => Tensor<BinaryShape<Op, X, R>, Common<X, R>>

/** Arithmetic and views as methods of tensors: `x.add(y).mul(0.5)` is `mul(add(x, y), 0.5)`, with its types and errors. */
export interface Fluent {
  /**
   * `add(x, other)`: the sum, with broadcasting.
   *
   * @example
   * const y = tensor([1, 2, 3]).add(1).mul(0.5)
   */
  add: Method<'add', Numeric>
  /** `sub(x, other)`: the difference, with broadcasting. */
  sub: Method<'sub', Numeric>
  /** `mul(x, other)`: the product, with broadcasting. */
  mul: Method<'mul', Numeric>
  /** `div(x, other)`: the quotient, with broadcasting. */
  div: Method<'div', Numeric>
  /** `pow(x, other)`: x to a power. */
  pow: Method<'pow', Float>
  /** `neg(x)`: -x. */
  neg<X extends AnyTensor>(this: Param<X, TakesTensor<'neg', X, Signed>>): X
  /** `matmul(x, other)`: the matrix product of the last two dims. */
  matmul<X extends AnyTensor, B extends AnyTensor>(
    this: X,
    other: Param<B, Mixing<'matmul', X, B, MatMul<ShapeOf<X>, ShapeOf<B>>>>,
  ): Tensor<Ok<Mixing<'matmul', X, B, MatMul<ShapeOf<X>, ShapeOf<B>>>>, Common<X, B>>
  /** `cast(x, dtype)`: in another dtype. */
  cast<X extends AnyTensor, const D extends DType>(this: X, dtype: D): Tensor<ShapeOf<X>, D>
  /**
   * `reshape(x, shape)`: the same elements in another shape; one dim may be -1.
   *
   * @example
   * const rows = tensor([1, 2, 3, 4]).reshape([2, -1])
   */
  reshape<X extends AnyTensor, const N extends readonly number[]>(
    this: X,
    shape: Param<N, Reshape<ShapeOf<X>, Dims<N>>>,
  ): Tensor<Ok<Reshape<ShapeOf<X>, Dims<N>>>, DTypeOf<X>>
  /** `flatten(x)`: all elements in one dim. */
  flatten<X extends AnyTensor>(this: X): Tensor<Flatten<ShapeOf<X>>, DTypeOf<X>>
  /** `transpose(x, permutation)`: axes in another order, reversed when absent. */
  transpose<X extends AnyTensor, const P extends readonly number[] | undefined = undefined>(
    this: X,
    permutation?: Param<P, Transpose<ShapeOf<X>, P>>,
  ): Tensor<Ok<Transpose<ShapeOf<X>, P>>, DTypeOf<X>>
  /** `broadcastTo(x, shape)`: repeated to a shape. */
  broadcastTo<X extends AnyTensor, const N extends readonly number[]>(
    this: X,
    shape: Param<N, BroadcastTo<ShapeOf<X>, Dims<N>>>,
  ): Tensor<Ok<BroadcastTo<ShapeOf<X>, Dims<N>>>, DTypeOf<X>>
  /** `expandDims(x, axis)`: dims of size 1 inserted. */
  expandDims<X extends AnyTensor, const A extends Axis>(
    this: X,
    axis: Param<A, ExpandDims<ShapeOf<X>, A>>,
  ): Tensor<Ok<ExpandDims<ShapeOf<X>, A>>, DTypeOf<X>>
  /** `squeeze(x, axis)`: without dims of size 1. */
  squeeze<X extends AnyTensor, const A extends Axis | undefined = undefined>(
    this: X,
    axis?: Param<A, Squeeze<ShapeOf<X>, A>>,
  ): Tensor<Ok<Squeeze<ShapeOf<X>, A>>, DTypeOf<X>>
  /** `slice(x, start, limit, stride)`: a window. */
  slice<
    X extends AnyTensor,
    const A extends readonly number[],
    const B extends readonly number[],
    const T extends readonly number[] | undefined = undefined,
  >(
    this: X,
    start: A,
    limit: Param<B, Slice<ShapeOf<X>, Dims<A>, Dims<B>, T>>,
    stride?: T,
  ): Tensor<Ok<Slice<ShapeOf<X>, Dims<A>, Dims<B>, T>>, DTypeOf<X>>
  /**
   * `at(x, index)`: elements to get, set, add to …
   *
   * @example
   * const y = tensor([1, 2, 3]).at(0).set(5)
   */
  at<X extends AnyTensor, const I extends Index>(
    this: X,
    index: Param<I, At<ShapeOf<X>, I>>,
  ): Indexed<ShapeOf<X>, Ok<At<ShapeOf<X>, I>>, DTypeOf<X>>
}

declare module '../trace/tensor.js' {
  interface Tensor<out S, out D> extends Fluent {}
}

const functions: Readonly<Record<keyof Fluent, (x: never, ...rest: never[]) => unknown>> = {
  add,
  sub,
  mul,
  div,
  pow,
  neg,
  matmul,
  cast,
  reshape,
  flatten,
  transpose,
  broadcastTo,
  expandDims,
  squeeze,
  slice,
  at,
}
for (const [name, f] of Object.entries(functions))
  Object.defineProperty(Tensor.prototype, name, {
    value(this: never, ...rest: never[]) {
      return f(this, ...rest)
    },
  })
