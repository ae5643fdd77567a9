import type { Add, Mul, Sub } from './arith.js'
import type { DivDim, EqDim, MulDim } from './dim.js'
import type { IsAny, ShapeError, Show, ShowDim, Unknown } from './shape.js'
import type { AllKnown, CheckRank, Extent, Nth, OneEach, Plus, Positions } from './windows.js'

/** Which dim of the input, the kernel and the result is what, in letters: N, C, O, I, and one for each spatial dim (lax). */
export type DimensionNumbers = readonly [lhs: string, rhs: string, out: string]

/** The shape of a convolution, or the error of its operands; options with errors of their own give any. */
export type Conv<S, K, Stride, Pad, Dilation, Groups, L> =
  Checked<'conv', S, K, Stride, Pad, Dilation, L> extends infer E
    ? [IsAny<E>, E] extends [false, 'ok']
      ? ConvDims<Ordered<S, L, 0>, Ordered<K, L, 1>, S, K, Stride, Pad, Dilation, Groups, L>
      : E
    : never
type ConvDims<X, W, S, K, Stride, Pad, Dilation, Groups, L> = X extends readonly [infer N, ...infer H, infer C]
  ? W extends readonly [...infer J, infer I, infer O]
    ? Features<'conv', S, K, C, I, O, Groups> extends infer E
      ? unknown extends E
        ? Positions<'conv', S, H, J, Stride, Pad, Dilation> extends infer R
          ? R extends readonly unknown[]
            ? Result<[N, ...R, O], L>
            : R
          : never
        : E
      : never
    : never
  : never

/** The same for a transposed convolution. `Turned`: the kernel is that of the convolution it is the transpose of. */
export type ConvTranspose<S, K, Stride, Pad, Dilation, Groups, L, Turned> =
  Checked<'convTranspose', S, K, Stride, Pad, Dilation, L> extends infer E
    ? [IsAny<E>, E] extends [false, 'ok']
      ? TransposeDims<Ordered<S, L, 0>, Ordered<K, L, 1>, S, K, Stride, Pad, Dilation, Groups, L, Turned>
      : E
    : never
type TransposeDims<X, W, S, K, Stride, Pad, Dilation, Groups, L, Turned> = X extends readonly [
  infer N,
  ...infer H,
  infer C,
]
  ? W extends readonly [...infer J, infer A, infer B]
    ? (
        Turned extends true
          ? FeaturesTurned<S, K, C, B, Groups>
          : Features<'convTranspose', S, K, C, A, B, Groups>
      ) extends infer E
      ? unknown extends E
        ? Spread<H, J, Stride, Pad, Dilation> extends infer R extends readonly unknown[]
          ? Result<[N, ...R, Turned extends true ? MulDim<A, Groups> : B], L>
          : never
        : E
      : never
    : never
  : never
/** Sizes of the spatial dims spread by the stride and padded as lax.conv_transpose pads. */
type Spread<H, J, Stride, Pad, Dilation, O extends readonly unknown[] = []> = H extends readonly [infer N, ...infer H1]
  ? J extends readonly [infer W, ...infer J1]
    ? Spread<
        H1,
        J1,
        Stride,
        Pad,
        Dilation,
        [...O, SpreadDim<N, Extent<W, Nth<Dilation, O['length']>>, Nth<Stride, O['length']>, Nth<Pad, O['length']>>]
      >
    : O
  : O
type SpreadDim<N, E, Stride, P> = P extends 'same'
  ? MulDim<N, Stride>
  : AllKnown<[N, E, Stride]> extends true
    ? Mul<N & number, Stride & number> extends infer M extends number
      ? P extends 'valid'
        ? [Sub<E & number, Stride & number>] extends [never]
          ? M
          : Add<M, Sub<E & number, Stride & number>>
        : P extends readonly [infer Low, infer High]
          ? // (n - 1) · stride + 1 + low + high - (extent - 1)
            Minus<Plus<Plus<Add<Minus<M, Stride>, 2>, Low>, High>, E>
          : number
      : never
    : number
type Minus<A, B> =
  AllKnown<[A, B]> extends true
    ? [Sub<A & number, B & number>] extends [never]
      ? number
      : Sub<A & number, B & number>
    : number

/** 'ok' when ranks and options are what both kinds of convolution ask for. */
type Checked<Op extends string, S, K, Stride, Pad, Dilation, L> = [Unknown<S, K>] extends [never]
  ? CheckRank<Op, S> extends infer E extends ShapeError<string>
    ? E
    : S extends readonly unknown[]
      ? K extends readonly unknown[]
        ? S['length'] extends K['length']
          ? [OneEach<S, Stride>, OneEach<S, Pad>, OneEach<S, Dilation>] extends [true, true, true]
            ? CheckLayout<Op, S, L> extends ShapeError<string>
              ? any
              : 'ok'
            : any
          : ShapeError<`${Op}: ranks differ: input ${Show<S>} and kernel ${Show<K>}`>
        : never
      : never
  : Unknown<S, K>

type Features<Op extends string, S, K, C, I, O, Groups> = [Groups] extends [1]
  ? EqDim<C, I> extends []
    ? ShapeError<`${Op}: features differ: ${ShowDim<C>} vs ${ShowDim<I>} in ${Show<S>} x ${Show<K>}`>
    : unknown
  : EqDim<C, MulDim<I, Groups>> extends []
    ? ShapeError<`${Op}: features differ: ${ShowDim<C>} vs ${ShowDim<Groups>} groups of ${ShowDim<I>} in ${Show<S>} x ${Show<K>}`>
    : Divides<Op, K, O, Groups>
type FeaturesTurned<S, K, C, B, Groups> =
  EqDim<C, B> extends []
    ? ShapeError<`convTranspose: features differ: ${ShowDim<C>} vs ${ShowDim<B>} in ${Show<S>} x ${Show<K>}`>
    : [Groups] extends [1]
      ? unknown
      : Divides<'convTranspose', K, B, Groups>
type Divides<Op extends string, K, O, Groups> = [DivDim<O, Groups>] extends [never]
  ? ShapeError<`${Op}: ${ShowDim<O>} features do not divide into ${ShowDim<Groups>} groups in ${Show<K>}`>
  : unknown

// Dims by letter.

type Letters<S> = S extends `${infer H}${infer T}` ? [H, ...Letters<T>] : []
type SpatialLetters<L, O extends readonly unknown[] = []> = L extends readonly [infer H, ...infer T]
  ? SpatialLetters<T, H extends 'N' | 'C' ? O : [...O, H]>
  : O
/** Letters of the operand's dims when channels are last. */
type LastOf<L extends DimensionNumbers, I> = I extends 1
  ? [...SpatialLetters<Letters<L[0]>>, 'I', 'O']
  : ['N', ...SpatialLetters<Letters<L[0]>>, 'C']
/** The dims of operand `I` with channels last. */
type Ordered<S, L, I> = L extends DimensionNumbers ? Reorder<S, Letters<L[I & keyof L]>, LastOf<L, I>> : S
type Result<R, L> = L extends DimensionNumbers ? Reorder<R, LastOf<L, 2>, Letters<L[2]>> : R
type Reorder<S, From, To, O extends readonly unknown[] = []> = To extends readonly [infer H, ...infer T]
  ? Reorder<S, From, T, [...O, S[IndexOf<From, H> & keyof S]]>
  : O
type IndexOf<L, X> = { [K in keyof L & `${number}`]: L[K] extends X ? K : never }[keyof L & `${number}`]

/** unknown, or the error of dimension numbers that do not name each dim of `S`. */
export type CheckLayout<Op extends string, S, L> =
  IsAny<S> extends true
    ? unknown
    : [L] extends [undefined]
      ? unknown
      : L extends readonly [infer A, infer B, infer C]
        ? [Unknown<S>] extends [never]
          ? [Named<S, A, 'N' | 'C'>, Named<S, B, 'O' | 'I', A>, Named<S, C, 'N' | 'C', A>] extends [true, true, true]
            ? unknown
            : ShapeError<`${Op}: dimensionNumbers must name the dims of ${Show<S>} as in ['NHWC', 'HWIO', 'NHWC'], got ['${A & string}', '${B & string}', '${C & string}']`>
          : unknown
        : unknown
/** `L` has a letter for each dim of `S`, among them `Two` and the spatial letters of `As`. */
type Named<S, L, Two, As = L> =
  Letters<L> extends infer N extends readonly unknown[]
    ? S extends readonly unknown[]
      ? N['length'] extends S['length']
        ? [Exclude<Two | SpatialLetters<Letters<As>>[number], N[number]>] extends [never]
          ? true
          : false
        : false
      : false
    : false
