import { concat, einsum, reshape, slice, type Tensor, tensor } from '../../index.js'

type F<S> = Tensor<S, 'f32'>
type Any = F<any>

/** Keys 1981, with PyTorch's a = -0.75. */
function cubic(x: number): number {
  const a = -0.75
  const d = Math.abs(x)
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1
  if (d < 2) return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
  return 0
}

/** What each of `to` places takes of `from` places along one axis, [to, from]: bicubic between centres, the border repeated. */
function weights(from: number, to: number): Float32Array {
  const out = new Float32Array(to * from)
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to - 0.5
    const first = Math.floor(centre) - 1
    for (let k = first; k < first + 4; k++) out[i * from + Math.max(0, Math.min(from - 1, k))] += cubic(centre - k)
  }
  return out
}

/**
 * A table of learned positions, [1 + g², d] with the class token's first, at another resolution: [1 + to², d], patches bicubically
 * between the table's. Source: Dosovitskiy et al. 2020, section 3.2; numbers as `interpolate_pos_encoding` of transformers.
 */
export function interpolatePositions(table: F<['1+t', 'd']>, to: number): F<['1+t', 'd']> {
  const positions = table as Any
  const [rows, d] = positions.shape as readonly number[]
  const from = Math.round(Math.sqrt(rows - 1))
  if (from === to) return table
  const grid = reshape(slice(positions, [1, 0], [rows, d]) as Any, [from, from, d]) as Any
  const w = tensor(weights(from, to), [to, from]) as Any
  const moved = einsum('i a, j b, a b d -> i j d', w, w, grid) as Any
  return concat([slice(positions, [0, 0], [1, d]) as Any, reshape(moved, [to * to, d]) as Any], 0) as Any
}
