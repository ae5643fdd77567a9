import { showShape } from '../../compiler/ir/types.js'
import {
  add,
  arange,
  cast,
  concat,
  cos,
  exp,
  expandDims,
  mul,
  poly,
  sin,
  slice,
  sub,
} from '../../compiler/lang/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { where } from '../../compiler/trace/source.js'
import type { Tensor } from '../../compiler/trace/tensor.js'

type Any = Tensor<any, 'f32'>

/** Cosines and sines of each position's angles. */
export interface RotaryTable {
  readonly cos: Tensor<['t', 'k'], 'f32'>
  readonly sin: Tensor<['t', 'k'], 'f32'>
}

/**
 * Angles of rotary position embeddings, position · theta^(-2i/d) for i below d/2, as cosines and sines [t, d/2]. Made once, for
 * all layers. Throws FoveaError 'shape' for an odd width.
 * Source: Su et al. 2021, "RoFormer", section 3.2.2.
 *
 * @param width d, of a head
 * @example
 * const table = rotaryTable(arange(16), 64)
 */
export function rotaryTable<T>(positions: Tensor<[T], 'i32'>, width: number, theta = 10_000) {
  if (!(width > 0 && width % 2 === 0))
    throw new FoveaError('shape', `rotaryTable: expected an even width, got ${width}`, where()())
  const rates = exp(mul(cast(arange(width / 2), 'f32'), (-2 * Math.log(theta)) / width)) as Any
  const angles = mul(expandDims(cast(positions as Tensor<any, 'i32'>, 'f32') as Any, 1) as Any, rates) as Any
  return { cos: cos(angles), sin: sin(angles) } as { cos: Tensor<[T, number], 'f32'>; sin: Tensor<[T, number], 'f32'> }
}

/**
 * Turns the pairs (x[i], x[i + d/2]) of queries or keys by their position's angles: rotary position embeddings, in the order of halves
 * that Hugging Face's LLaMA has. One dispatch.
 * Throws FoveaError 'shape' when the table is not [t, d/2].
 *
 * @example
 * const q = rotary(ones([2, 16, 8, 64]), rotaryTable(arange(16), 64)) // [2, 16, 8, 64]
 */
export const rotary = poly(
  (x: Tensor<['b', 't', 'h', 'd'], 'f32'>, table: RotaryTable): Tensor<['b', 't', 'h', 'd'], 'f32'> => {
    const { shape } = x.aval
    const [b, t, h, d] = shape
    const of = table.cos.aval.shape
    if (d % 2 !== 0 || of[0] !== t || of[1] !== d / 2)
      throw new FoveaError(
        'shape',
        `rotary: expected x [b, t, h, d] and a table [t, d/2], got ${showShape(shape)} and ${showShape(of)}`,
        where()(),
      )
    const [c, s] = [table.cos, table.sin].map((y) => expandDims(y as Any, 1) as Any)
    const first = slice(x as Any, [0, 0, 0, 0], [b, t, h, d / 2]) as Any
    const second = slice(x as Any, [0, 0, 0, d / 2], [b, t, h, d]) as Any
    const turned = [sub(mul(first, c), mul(second, s)), add(mul(second, c), mul(first, s))]
    return concat(turned as Any[], -1) as any
  },
)
