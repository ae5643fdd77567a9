import { showAval } from '../../compiler/ir/types.js'
import {
  arange,
  equal,
  expandDims,
  greaterEqual,
  less,
  logicalAnd,
  logSumExp,
  poly,
  sub,
  sum,
  where,
} from '../../compiler/lang/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { where as place } from '../../compiler/trace/source.js'
import type { Tensor } from '../../compiler/trace/tensor.js'

/**
 * The cross entropy of each row of logits with its label, -log softmax(logits)[label], as optax's
 * `softmax_cross_entropy_with_integer_labels`: one dispatch; `mean` of it is PyTorch's default. A label outside the classes gives NaN.
 * Throws FoveaError 'shape' when there is not one label for each row, 'dtype' for labels that are not i32.
 *
 * @example
 * const losses = crossEntropy(ones([4, 10]), tensor(new Int32Array([1, 0, 9, 3]))) // [4]
 */
export const crossEntropy = poly(
  (logits: Tensor<['...s', 'c'], 'f32'>, labels: Tensor<['...s'], 'i32'>): Tensor<['...s'], 'f32'> => {
    const [x, y] = [logits as Tensor<any, 'f32'>, labels as Tensor<any, 'i32'>]
    const [from, to] = [x.aval, y.aval]
    if (to.dtype !== 'i32')
      throw new FoveaError('dtype', `crossEntropy: expected labels of i32, got ${showAval(to)}`, place()())
    if (from.shape.length !== to.shape.length + 1 || to.shape.some((n, i) => n !== from.shape[i]))
      throw new FoveaError(
        'shape',
        `crossEntropy: expected logits [...s, c] and labels [...s], got ${showAval(from)} and ${showAval(to)}`,
        place()(),
      )
    // A choice along the row and no gather: it joins the row's other sums, and so does its derivative.
    const classes = from.shape[from.shape.length - 1]
    const own = sum(where(equal(arange(classes), expandDims(y, -1) as any), x, 0) as any, -1) as any
    const known = logicalAnd(greaterEqual(y, 0), less(y, classes)) as any
    return where(known, sub(logSumExp(x, -1) as any, own) as any, Number.NaN) as any
  },
)
