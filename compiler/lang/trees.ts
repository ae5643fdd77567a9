import { showShape } from '../ir/types.js'
import { Tensor } from '../trace/tensor.js'

/** What two trees have at the first place where they differ: the runtime twin of `Difference` in types/control.ts. */
export function difference(
  expected: unknown,
  got: unknown,
  path = '',
): { readonly path: string; readonly expected: string; readonly got: string } | undefined {
  const here = { path, expected: describe(expected), got: describe(got) }
  if (!isTree(expected) || !isTree(got) || Array.isArray(expected) !== Array.isArray(got))
    return here.expected === here.got ? undefined : here
  if (Array.isArray(expected) && expected.length !== (got as unknown[]).length) return here
  const [a, b] = [expected as Record<string, unknown>, got as Record<string, unknown>]
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const below = path ? `${path}.${key}` : key
    const part = (tree: Record<string, unknown>): unknown => (key in tree ? tree[key] : nothing)
    const found = difference(part(a), part(b), below)
    if (found) return found
  }
  return undefined
}

const nothing = Symbol('nothing')
const isTree = (x: unknown): boolean => typeof x === 'object' && x !== null && !(x instanceof Tensor)

/** What stands at a place of a tree, as errors show it. */
export function describe(x: unknown): string {
  if (x instanceof Tensor) return `${x.aval.dtype}${showShape(x.aval.shape)}`
  if (x === nothing) return 'nothing'
  if (typeof x === 'string') return `'${x}'`
  return Array.isArray(x) ? `a list of ${x.length}` : isTree(x) ? 'an object' : String(x)
}
