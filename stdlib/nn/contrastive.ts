import {
  add,
  exp,
  expandDims,
  full,
  log,
  logSumExp,
  matmul,
  max,
  maximum,
  mul,
  remat,
  reshape,
  scan,
  stopGradient,
  sub,
  sum,
  transpose,
  zeros,
} from '../../compiler/lang/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import type { Tensor } from '../../compiler/trace/tensor.js'

type F<S> = Tensor<S, 'f32'>
type Any = F<any>

/** Rows of the table of scores that are in memory at once. */
export const defaultRows = 512

/**
 * The contrastive loss of n pairs of embeddings [n, e], without their table of n × n scores: each row finds its partner among all columns
 * and each column among all rows; the mean of both cross entropies. Scores are `scale` · images · textsᵀ. Blocks of `rows` rows are
 * computed one after another, and again in the gradient; columns are normalised by a running logarithm of sums.
 * Throws FoveaError 'shape' when the shapes differ.
 * Source: Radford et al. 2021, figure 3; running normalisation: Milakov and Gimelshein 2018.
 *
 * @example
 * const rows = tensor([[1, 0], [0, 1]])
 * const loss = contrastiveLoss(rows, rows, tensor(10))
 */
export function contrastiveLoss(
  images: F<['n', 'e']>,
  texts: F<['n', 'e']>,
  scale: F<[]>,
  options: { readonly rows?: number } = {},
): F<[]> {
  const [x, y] = [images as Any, texts as Any]
  const [n, e] = x.shape as readonly number[]
  if (x.ndim !== 2 || y.ndim !== 2 || y.shape[0] !== n || y.shape[1] !== e)
    throw new FoveaError(
      'shape',
      `contrastiveLoss: expected images and texts of one shape [n, e], got [${x.shape.join(', ')}] and [${y.shape.join(', ')}]`,
    )
  const rows = divisor(n, options.rows ?? defaultRows)
  const columns = transpose(y) as Any
  const block = remat((top: Any, total: Any, some: Any, s: Any, all: Any): [Any, Any, Any] => {
    const scores = mul(matmul(some, all) as Any, s) as Any
    const higher = maximum(top, stopGradient(max(scores, 0) as Any)) as Any
    const moved = mul(total, exp(sub(top, higher) as Any) as Any) as Any
    const next = add(moved, sum(exp(sub(scores, expandDims(higher, 0) as Any) as Any) as Any, 0) as Any) as Any
    return [higher, next, sum(logSumExp(scores, 1) as Any) as Any]
  }) as (...args: Any[]) => [Any, Any, Any]
  const lowest = full([n], -3e38) as Any
  const [[top, total], byRows] = scan(
    (([highest, sums]: [Any, Any], some: Any) => {
      const [h, t, entropy] = block(highest, sums, some, scale as Any, columns)
      return [[h, t], entropy]
    }) as any,
    [lowest, zeros([n]) as Any] as any,
    reshape(x, [n / rows, rows, e]) as any,
  ) as unknown as [[Any, Any], Any]
  const byColumns = sum(add(log(total) as Any, top) as Any) as Any
  const own = mul(sum(mul(x, y) as Any) as Any, scale as Any) as Any
  const both = add(sum(byRows) as Any, byColumns) as Any
  return mul(sub(both, mul(own, 2) as Any) as Any, 0.5 / n) as Any
}

/** The largest divisor of n that is at most `most`. */
export function divisor(n: number, most: number): number {
  for (let d = Math.min(n, most); d > 1; d--) if (n % d === 0) return d
  return 1
}
