import type { DType } from '../ir/types.js'
import { tracePrinting } from '../trace/collect.js'
import { inputTensor, Tensor } from '../trace/tensor.js'
import { flatten, unflatten } from '../trace/tree.js'
import type { ShapeOnly, ShapesOf } from '../types/transform.js'

/**
 * What `f` would return, as shapes and dtypes, without computing anything: a leaf is `{ shape, dtype }`. Arguments may be tensors or
 * such leaves themselves, so that no memory is needed for a model's parameters.
 * Throws what tracing `f` throws.
 *
 * @example
 * const out = evalShape((x, w) => matmul(x, w), { shape: [8, 3], dtype: 'f32' }, ones([3, 4]))
 * console.log(out) // { shape: [ 8, 4 ], dtype: 'f32' }
 */
export function evalShape<A extends readonly any[], R>(f: (...args: A) => R, ...args: ShapesOf<A, true>): ShapesOf<R> {
  const traced = tracePrinting(
    f as (...args: any[]) => unknown,
    (args as readonly unknown[]).map(placeholders),
    f.name || 'evalShape',
  )
  return unflatten(
    traced.outTree,
    traced.fn.outputs.map(({ aval: { shape, dtype } }) => ({ shape: [...shape], dtype })),
  ) as ShapesOf<R>
}

/** The tree with tensors in place of `{ shape, dtype }`. */
function placeholders(node: unknown): unknown {
  if (node instanceof Tensor) return node
  if (isShapeOnly(node)) return inputTensor({ shape: node.shape as readonly number[], dtype: node.dtype }, 'evalShape')
  if (Array.isArray(node)) return node.map(placeholders)
  if (node === null || typeof node !== 'object') return node
  flatten(node) // refuses what is no tree
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, placeholders(value)]))
}

const isShapeOnly = (node: unknown): node is ShapeOnly<readonly number[], DType> =>
  typeof node === 'object' &&
  node !== null &&
  Object.keys(node).length === 2 &&
  'dtype' in node &&
  typeof node.dtype === 'string' &&
  'shape' in node &&
  Array.isArray(node.shape) &&
  node.shape.every((d) => Number.isInteger(d))
