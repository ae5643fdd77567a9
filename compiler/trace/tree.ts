import { FoveaError } from './error.js'
import { where } from './source.js'
import { Tensor } from './tensor.js'

/**
 * Pytrees: plain objects, arrays and tuples of tensors. Everything else (numbers, strings, booleans, null, undefined)
 * is part of the structure, not data.
 */
export type TreeDef =
  | { readonly kind: 'leaf' }
  | { readonly kind: 'static'; readonly value: unknown }
  | { readonly kind: 'array'; readonly items: readonly TreeDef[] }
  | { readonly kind: 'object'; readonly keys: readonly string[]; readonly items: readonly TreeDef[] }

export type AnyTensor = Tensor<any, any>

const leaf: TreeDef = { kind: 'leaf' }

/** Tensors of `tree` in order (object keys as they stand), with their paths ('a.b.0') and the structure that rebuilds it. */
export function flatten(tree: unknown): { leaves: AnyTensor[]; paths: string[]; tree: TreeDef } {
  const leaves: AnyTensor[] = []
  const paths: string[] = []
  const walk = (node: unknown, path: string): TreeDef => {
    if (node instanceof Tensor) {
      leaves.push(node)
      paths.push(path)
      return leaf
    }
    const below = (key: string | number): string => (path ? `${path}.${key}` : String(key))
    if (Array.isArray(node)) return { kind: 'array', items: node.map((x, i) => walk(x, below(i))) }
    if (node !== null && typeof node === 'object') {
      const proto = Object.getPrototypeOf(node)
      if (proto !== Object.prototype && proto !== null)
        throw new FoveaError(
          'tree',
          `expected a tensor, plain object, array, number or string at '${path || 'the top'}', got an instance of ${proto?.constructor?.name}`,
          where()(),
        )
      const keys = Object.keys(node)
      return {
        kind: 'object',
        keys,
        items: keys.map((key) => walk((node as Record<string, unknown>)[key], below(key))),
      }
    }
    if (typeof node === 'function')
      throw new FoveaError(
        'tree',
        `expected a tensor, plain object or array at '${path || 'the top'}', got a function`,
        where()(),
      )
    return { kind: 'static', value: node }
  }
  return { tree: walk(tree, ''), leaves, paths }
}

/** Rebuilds a tree from its structure and leaves. Inverse of `flatten`. */
export function unflatten<T = unknown>(def: TreeDef, leaves: readonly T[]): unknown {
  let next = 0
  const build = (d: TreeDef): unknown => {
    switch (d.kind) {
      case 'leaf':
        return leaves[next++]
      case 'static':
        return d.value
      case 'array':
        return d.items.map(build)
      case 'object':
        return Object.fromEntries(d.keys.map((key, i) => [key, build(d.items[i])]))
    }
  }
  return build(def)
}

/** Text that is equal for equal structures: part of jit's cache key. */
export function treeKey(def: TreeDef): string {
  switch (def.kind) {
    case 'leaf':
      return '*'
    case 'static':
      return typeof def.value === 'string'
        ? JSON.stringify(def.value)
        : Object.is(def.value, -0)
          ? '-0'
          : String(def.value)
    case 'array':
      return `[${def.items.map(treeKey).join(',')}]`
    case 'object':
      return `{${def.keys.map((key, i) => `${JSON.stringify(key)}:${treeKey(def.items[i])}`).join(',')}}`
  }
}

/**
 * Applies `f` to the tensors at the same place of each tree; the result has the first tree's structure.
 * Throws FoveaError 'tree' when the structures differ.
 *
 * @example
 * const doubled = treeMap((w) => add(w, w), { w: tensor([1, 2]) })
 */
export function treeMap<T, R extends AnyTensor>(
  f: (x: AnyTensor, ...rest: AnyTensor[]) => R,
  tree: T,
  ...rest: unknown[]
): T {
  const first = flatten(tree)
  const others = rest.map((t) => {
    const other = flatten(t)
    if (treeKey(other.tree) !== treeKey(first.tree))
      throw new FoveaError(
        'tree',
        `treeMap: trees differ in structure:\n  ${treeKey(first.tree)}\n  ${treeKey(other.tree)}`,
        where()(),
      )
    return other.leaves
  })
  return unflatten(
    first.tree,
    first.leaves.map((x, i) => f(x, ...others.map((leaves) => leaves[i]))),
  ) as T
}
