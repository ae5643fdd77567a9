import { add, map, reshape, scan } from '../../compiler/lang/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { namedScope, where } from '../../compiler/trace/source.js'
import type { Tensor } from '../../compiler/trace/tensor.js'
import { type AnyTensor, treeMap } from '../../compiler/trace/tree.js'
import { valueAndGrad, vjp } from '../../compiler/transform/index.js'

type Scalar = Tensor<[], 'f32'>

/**
 * Value and gradient of a loss over a whole batch, with the memory of one of its `parts`: `embed` takes a part of the batch
 * to embeddings, `loss` takes the embeddings of all, so that every row is still compared with every other. The parts are
 * embedded one after another and only embeddings kept; the loss gives their cotangents, and each part is then embedded
 * again and its cotangents go back through it. Both are a scan.
 *
 * `batch` is a tree of tensors with a leading dim that `parts` divides, and so are the embeddings. `embed` must treat every
 * row by itself (no batch norm). Parameters must be f32.
 * Throws FoveaError 'input' when `parts` is no whole number above 0, and 'shape' when the batch can't be divided.
 * Source: Gao et al. 2021, "Scaling deep contrastive learning batch size under memory limited setup".
 *
 * @example
 * const embed = (w, x) => matmul(x, w)
 * const step = accumulatedGrad(embed, (w, y) => mean(square(y)), 2)
 * const [loss, dw] = step(ones([2, 1]), ones([4, 2]))
 * console.log(await loss.item()) // 4
 */
export function accumulatedGrad<P, B, E>(
  embed: (params: P, batch: B) => E,
  loss: (params: P, embeddings: E) => Scalar,
  parts: number,
): (params: P, batch: B) => [loss: Scalar, grads: P] {
  if (!Number.isSafeInteger(parts) || parts < 1)
    throw new FoveaError('input', `accumulatedGrad: expected a whole number of parts, got ${parts}`)
  return (params, batch) => {
    const split = (tree: unknown): any => treeMap((x) => parted(x, parts), tree)
    const inputs = split(batch)
    const each = namedScope('embed', () => map((part) => embed(params, part as B), inputs))
    const embeddings = treeMap(joined, each) as E
    const [value, [own, cotangents]] = valueAndGrad(loss as (...args: any[]) => Scalar, { argnums: [0, 1] })(
      params,
      embeddings,
    ) as unknown as [Scalar, [P, E]]
    const [grads] = namedScope('accumulate', () =>
      scan(
        (total: any, [part, cotangent]: any) => {
          const [, pullback] = vjp((p: P) => embed(p, part), params)
          const [grad] = pullback(cotangent)
          return [treeMap((x, y) => add(x, y) as AnyTensor, total, grad), null] as any
        },
        own as any,
        [inputs, split(cotangents)] as any,
      ),
    )
    return [value, grads as P]
  }
}

/** [b, ...] as [parts, b / parts, ...]. */
function parted(x: AnyTensor, parts: number): AnyTensor {
  const [rows, ...rest] = x.shape as readonly number[]
  if (rows === undefined || rows % parts !== 0)
    throw new FoveaError(
      'shape',
      `accumulatedGrad: expected leading dims that ${parts} parts divide, got [${(x.shape as readonly number[]).join(', ')}]`,
      where()(),
    )
  return reshape(x, [parts, rows / parts, ...rest]) as AnyTensor
}

/** [parts, b, ...] as [parts · b, ...]. */
const joined = (x: AnyTensor): AnyTensor => {
  const [parts, rows, ...rest] = x.shape as readonly number[]
  return reshape(x, [parts * rows, ...rest]) as AnyTensor
}
