import {
  add,
  matmul,
  mul,
  remat,
  reshape,
  scan,
  softplus,
  sub,
  sum,
  transpose,
  zeros,
} from '../../compiler/lang/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import type { Tensor } from '../../compiler/trace/tensor.js'
import { defaultRows, divisor } from './contrastive.js'

type F<S> = Tensor<S, 'f32'>
type Any = F<any>

/**
 * The sigmoid loss of n pairs of embeddings [n, e]: each score `scale` · imageᵢ · textⱼ + `bias` is by itself a choice between pair and no
 * pair, -1/n Σᵢⱼ log σ(zᵢⱼ · scoreᵢⱼ) with z 1 for pairs and -1 for the rest. Blocks of `rows` rows are computed one after another, and again
 * in the gradient, so the table of n × n scores is never whole.
 * Throws FoveaError 'shape' when the shapes differ.
 * Source: Zhai et al. 2023, "Sigmoid Loss for Language Image Pre-Training", section 3.2; log σ(s) = s - softplus(s).
 *
 * @example
 * const rows = tensor([[1, 0], [0, 1]])
 * const loss = sigmoidLoss(rows, rows, tensor(10), tensor(-10))
 */
export function sigmoidLoss(
  images: F<['n', 'e']>,
  texts: F<['n', 'e']>,
  scale: F<[]>,
  bias: F<[]>,
  options: { readonly rows?: number } = {},
): F<[]> {
  const [x, y, s, b] = [images, texts, scale, bias] as Any[]
  const [n, e] = x.shape as readonly number[]
  if (x.ndim !== 2 || y.ndim !== 2 || y.shape[0] !== n || y.shape[1] !== e)
    throw new FoveaError(
      'shape',
      `sigmoidLoss: expected images and texts of one shape [n, e], got [${x.shape.join(', ')}] and [${y.shape.join(', ')}]`,
    )
  const rows = divisor(n, options.rows ?? defaultRows)
  const columns = transpose(y) as Any
  // All as if they were no pairs: -log σ(-score) = softplus(score).
  const block = remat(
    (some: Any, all: Any, by: Any, from: Any): Any =>
      sum(softplus(add(mul(matmul(some, all) as Any, by) as Any, from) as Any) as Any) as Any,
  ) as (...args: Any[]) => Any
  const [strangers] = scan(
    ((total: Any, some: Any) => [add(total, block(some, columns, s, b)) as Any, []]) as any,
    zeros([]) as any,
    reshape(x, [n / rows, rows, e]) as any,
  ) as unknown as [Any, unknown]
  const own = add(mul(sum(mul(x, y) as Any) as Any, s) as Any, mul(b, n) as Any) as Any
  return mul(sub(strangers, own) as Any, 1 / n) as Any
}
