import { type DType, sameShape, showShape } from '../../compiler/ir/types.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { flatten } from '../../compiler/trace/tree.js'
import type { HostTensor } from './format.js'

/**
 * Between a model's parameters (a pytree) and a checkpoint's flat names. The name of a tensor is its path:
 * `params.text_model.layers[0].weight` is 'text_model.layers.0.weight', as in PyTorch.
 */

/** What a template says of one tensor. A Tensor is one. */
export interface ShapeDType {
  readonly shape: readonly number[]
  readonly dtype: DType
}

/** `T` with a HostTensor in each tensor's place. */
export type HostTree<T> = T extends ShapeDType ? HostTensor : T extends object ? { [K in keyof T]: HostTree<T[K]> } : T

/**
 * Reads every tensor of a pytree to the host, by name, in the tree's order.
 *
 * @throws FoveaError 'tree' if the tree holds anything but tensors, plain objects and arrays
 * @example
 * await writeSafetensors('model.safetensors', await toStateDict(params))
 */
export async function toStateDict(params: unknown): Promise<Map<string, HostTensor>> {
  const { leaves, paths } = flatten(params)
  const data = await Promise.all(leaves.map((x) => x.data()))
  return new Map(
    leaves.map((x, i) => [paths[i], { shape: x.shape as number[], dtype: x.dtype as DType, data: data[i] }]),
  )
}

/**
 * Gives a checkpoint's tensors the form of `template`. Every key is taken, ignored by name, or an error:
 * a key that nobody takes is a part of the model that would silently stay untrained.
 *
 * @param template a pytree of `{ shape, dtype }` (or of Tensors): what the model expects
 * @param ignore keys that may be there and are not wanted, such as `/position_ids$/`
 * @throws FoveaError 'checkpoint' that lists every missing, unexpected and mis-shaped key at once
 * @example
 * const template = { w: { shape: [2], dtype: 'f32' } } as const
 * const host = fromStateDict(template, await readSafetensors('model.safetensors'), { ignore: [/position_ids$/] })
 * host.w.data // Float32Array
 */
export function fromStateDict<T>(
  template: T,
  tensors: ReadonlyMap<string, HostTensor>,
  { ignore = [] }: { readonly ignore?: readonly RegExp[] } = {},
): HostTree<T> {
  const taken = new Set<string>()
  const missing: string[] = []
  const wrong: string[] = []
  const walk = (node: unknown, path: string): unknown => {
    if (typeof node !== 'object' || node === null) return node
    if (isShapeDType(node)) {
      const found = tensors.get(path)
      taken.add(path)
      if (!found) missing.push(`${path} ${showTensor(node)}`)
      else if (!sameShape(node.shape, found.shape) || node.dtype !== found.dtype)
        wrong.push(`${path}: expected ${showTensor(node)}, found ${showTensor(found)}`)
      return found
    }
    const below = (key: string | number): string => (path ? `${path}.${key}` : String(key))
    if (Array.isArray(node)) return node.map((x, i) => walk(x, below(i)))
    return Object.fromEntries(Object.entries(node).map(([key, x]) => [key, walk(x, below(key))]))
  }
  const tree = walk(template, '')
  const extra = [...tensors]
    .filter(([name]) => !taken.has(name) && !ignore.some((pattern) => name.search(pattern) >= 0))
    .map(([name, t]) => `${name} ${showTensor(t)}`)
  if (missing.length + extra.length + wrong.length > 0) {
    const lists = [list('missing', missing), list('unexpected', extra), list('of the wrong shape or type', wrong)]
    throw new FoveaError(
      'checkpoint',
      `the checkpoint does not fit the model:\n${lists.join('')}` +
        "Check that the config belongs to these weights; keys that aren't wanted can be ignored by name.",
    )
  }
  return tree as HostTree<T>
}

const isShapeDType = (node: object): node is ShapeDType =>
  'shape' in node && 'dtype' in node && Array.isArray(node.shape) && typeof node.dtype === 'string'

const showTensor = (t: { readonly shape: readonly number[]; readonly dtype: string }): string =>
  `${t.dtype} ${showShape(t.shape)}`

const list = (title: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : `  ${lines.length} ${title}:\n${lines.map((line) => `    ${line}\n`).join('')}`
