import { showShape } from '../ir/types.js'
import { channelsLast, exchangeFeatures, type Layout, layouts, renamed } from '../ops/conv-dims.js'
import * as prim from '../ops/prim.js'
import type { Tensor } from '../trace/tensor.js'
import type { CheckLayout, Conv, ConvTranspose, DimensionNumbers } from '../types/conv.js'
import type { AnyTensor, DTypeOf, First, Float, SameDType, ShapeOf, Takes } from '../types/operand.js'
import type { Ok, Param } from '../types/shape.js'
import type { CheckPadding, CheckPerDim, Padding, PerDim } from '../types/windows.js'
import { fail } from './fail.js'
import { FLOAT, tensorOf, tensorsOf } from './operand.js'
import { checkFit, pairsOf, perDim, spatialRank, spreadsOf, windowPadding } from './windows.js'

type Floats<Op extends string, A, B, R> = First<
  [SameDType<Op, DTypeOf<A>, DTypeOf<B>>, Takes<Op, DTypeOf<A>, Float>],
  R
>

interface Options<Op extends string, X, S, P, D, G, L> {
  /** Of the window: one number for all spatial dims or one for each, 1 when absent. */
  readonly stride?: Param<S, CheckPerDim<Op, 'stride', ShapeOf<X>, S>>
  /** 'valid' when absent: none. 'same': the result has ⌈size / stride⌉ places (for a transposed one, size · stride). Or [before, after] for each spatial dim, negative to crop. */
  readonly padding?: Param<P, CheckPadding<Op, ShapeOf<X>, P>>
  /** Of the kernel's taps: 1 when absent, neighbours. */
  readonly dilation?: Param<D, CheckPerDim<Op, 'dilation', ShapeOf<X>, D>>
  /** Features in so many parts, convolved apart; as many as there are features: depthwise. */
  readonly groups?: G
  /** Letters of each operand's dims: ['NHWC', 'HWIO', 'NHWC'] for two spatial dims when absent; PyTorch has ['NCHW', 'OIHW', 'NCHW']. */
  readonly dimensionNumbers?: Param<L, CheckLayout<Op, ShapeOf<X>, L>>
}

/**
 * Convolution over one to three spatial dims, floats of one dtype, with sums in f32: [n, h, w, c] with a kernel [kh, kw, c / groups, o] → [n, h', w', o]. The kernel
 * is not turned around, as in lax.conv_general_dilated and PyTorch.
 * Throws FoveaError 'shape' when ranks or features differ, options do not fit the rank, or the kernel is larger than the padded input.
 *
 * @example
 * const y = conv(ones([8, 32, 32, 3]), ones([3, 3, 3, 16]), { stride: 2, padding: 'same' }) // [8, 16, 16, 16]
 */
export function conv<
  X extends AnyTensor,
  W extends AnyTensor,
  const S extends PerDim = 1,
  const P extends Padding = 'valid',
  const D extends PerDim = 1,
  const G extends number = 1,
  const L extends DimensionNumbers | undefined = undefined,
>(
  x: X,
  w: Param<W, Floats<'conv', X, W, Conv<ShapeOf<X>, ShapeOf<W>, S, P, D, G, L>>>,
  options?: Options<'conv', X, S, P, D, G, L>,
): Tensor<Ok<Floats<'conv', X, W, Conv<ShapeOf<X>, ShapeOf<W>, S, P, D, G, L>>>, DTypeOf<X>> {
  const c = operandsOf('conv', x, w, options as AnyOptions)
  const { lhs, rhs } = layouts(c.dimensionNumbers)
  checkFeatures('conv', c.x, c.w, c.groups, lhs, rhs)
  const sizes = lhs.spatial.map((d) => c.x.aval.shape[d])
  const padding = windowPadding('conv', c.padding, sizes, c.spreads, c.stride)
  checkFit('conv', c.x.aval.shape, sizes, c.spreads, padding)
  return prim.conv(c.x, c.w, {
    stride: c.stride,
    padding,
    lhsDilation: sizes.map(() => 1),
    rhsDilation: c.dilation,
    groups: c.groups,
    flip: false,
    dimensionNumbers: c.dimensionNumbers,
  })
}

/**
 * Transposed (fractionally strided) convolution as in lax.conv_transpose, f32: the input is spread by `stride`, padded, and
 * convolved with the kernel [kh, kw, c / groups, o]. 'same' gives size · stride places, 'valid' all that the kernel reaches.
 * With `transposeKernel` the kernel is that of the convolution this is the transpose of, [kh, kw, o / groups, c], and is turned
 * around: Keras, and PyTorch with ['NCHW', 'OIHW', 'NCHW'], where its padding p is here [k - 1 - p, k - 1 - p].
 * Throws FoveaError 'shape' as `conv` does.
 *
 * @example
 * const y = convTranspose(ones([8, 16, 16, 32]), ones([2, 2, 32, 16]), { stride: 2 }) // [8, 32, 32, 16]
 */
export function convTranspose<
  X extends AnyTensor,
  W extends AnyTensor,
  const S extends PerDim = 1,
  const P extends Padding = 'valid',
  const D extends PerDim = 1,
  const G extends number = 1,
  const L extends DimensionNumbers | undefined = undefined,
  const T extends boolean = false,
>(
  x: X,
  w: Param<W, Floats<'convTranspose', X, W, ConvTranspose<ShapeOf<X>, ShapeOf<W>, S, P, D, G, L, T>>>,
  options?: Options<'convTranspose', X, S, P, D, G, L> & { readonly transposeKernel?: T },
): Tensor<Ok<Floats<'convTranspose', X, W, ConvTranspose<ShapeOf<X>, ShapeOf<W>, S, P, D, G, L, T>>>, DTypeOf<X>> {
  const c = operandsOf('convTranspose', x, w, options as AnyOptions)
  const [l, r, o] = c.dimensionNumbers
  const { lhs, rhs } = layouts(c.dimensionNumbers)
  const turned = options?.transposeKernel === true
  checkFeatures('convTranspose', c.x, c.w, c.groups, lhs, rhs, turned)
  const { stride, spreads } = c
  const padding = pairsOf('convTranspose', c.padding, stride.length, {
    same: (d) => {
      const total = spreads[d] + stride[d] - 2
      const before = stride[d] > spreads[d] - 1 ? spreads[d] - 1 : Math.ceil(total / 2)
      return [before, total - before]
    },
    valid: (d) => [spreads[d] - 1, stride[d] - 1 + Math.max(spreads[d] - stride[d], 0)],
  })
  const spreadSizes = lhs.spatial.map((dim, d) => (c.x.aval.shape[dim] - 1) * stride[d] + 1)
  checkFit('convTranspose', c.x.aval.shape, spreadSizes, spreads, padding)
  return prim.conv(c.x, turned ? exchangeFeatures(c.w, rhs, c.groups) : c.w, {
    stride: stride.map(() => 1),
    padding,
    lhsDilation: stride,
    rhsDilation: c.dilation,
    groups: c.groups,
    flip: turned,
    dimensionNumbers: [l, turned ? renamed(r, { I: 'O', O: 'I' }) : r, o],
  })
}

interface AnyOptions {
  readonly stride?: PerDim
  readonly padding?: Padding
  readonly dilation?: PerDim
  readonly groups?: number
  readonly dimensionNumbers?: DimensionNumbers
}

/** Operands and options checked, each option given. */
function operandsOf(op: string, input: unknown, kernel: unknown, options: AnyOptions = {}) {
  const [x, w] = tensorsOf(op, [input, kernel])
  tensorOf(op, x, FLOAT)
  const spatial = spatialRank(op, x)
  const [s, k] = [x.aval.shape, w.aval.shape]
  if (k.length !== s.length) fail('shape', `${op}: ranks differ: input ${showShape(s)} and kernel ${showShape(k)}`)
  const stride = perDim(op, 'stride', options.stride ?? 1, spatial)
  const dilation = perDim(op, 'dilation', options.dilation ?? 1, spatial)
  const groups = options.groups ?? 1
  if (!(Number.isInteger(groups) && groups >= 1))
    fail('shape', `${op}: groups must be a whole number of at least 1, got ${groups}`)
  const dimensionNumbers = options.dimensionNumbers ?? channelsLast(spatial)
  checkLayout(op, s, dimensionNumbers)
  const window = layouts(dimensionNumbers).rhs.spatial.map((d) => k[d])
  const padding = options.padding ?? 'valid'
  return { x, w, stride, padding, groups, dilation, dimensionNumbers, spreads: spreadsOf(window, dilation) }
}

function checkLayout(op: string, shape: readonly number[], [lhs, rhs, out]: DimensionNumbers): void {
  const spatial = [...lhs].filter((c) => c !== 'N' && c !== 'C')
  const named = (spec: string, two: string): boolean =>
    [...spec].sort().join() === [...spatial, ...two].sort().join() && new Set(spec).size === shape.length
  if (!(named(lhs, 'NC') && named(rhs, 'OI') && named(out, 'NC')))
    fail(
      'shape',
      `${op}: dimensionNumbers must name the dims of ${showShape(shape)} as in ['NHWC', 'HWIO', 'NHWC'], got ['${lhs}', '${rhs}', '${out}']`,
    )
}

function checkFeatures(
  op: string,
  x: AnyTensor,
  w: AnyTensor,
  groups: number,
  lhs: Layout,
  rhs: Layout,
  turned = false,
): void {
  const [s, k] = [x.aval.shape, w.aval.shape]
  const [features, perGroup, outer] = [s[lhs.feature], k[rhs.feature], k[rhs.outer]]
  const [takes, per] = turned
    ? [outer, `${outer}`]
    : [perGroup * groups, groups === 1 ? `${perGroup}` : `${groups} groups of ${perGroup}`]
  if (features !== takes)
    fail('shape', `${op}: features differ: ${features} vs ${per} in ${showShape(s)} x ${showShape(k)}`)
  if (outer % groups !== 0)
    fail('shape', `${op}: ${outer} features do not divide into ${groups} groups in ${showShape(k)}`)
}
