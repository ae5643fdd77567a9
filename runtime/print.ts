import { size } from '../compiler/ir/types.js'
import type { Print } from '../compiler/trace/prints.js'
import type { Storage } from '../compiler/trace/tensor.js'
import { type TreeDef, unflatten } from '../compiler/trace/tree.js'

/** What `debug.print` shows, line after line in the order of the calls, whatever order values arrive in. */
let last: Promise<void> = Promise.resolve()

/** Prints one line when the values are there. Resolves when it is printed; a value that failed is named by its error. */
export function printLine(print: Print, storages: Promise<readonly Storage[]>): Promise<void> {
  const line = storages
    .then((arrays) => Promise.all(arrays.map(showArray)))
    .then(
      (texts) => format(print, texts),
      (err: Error) => `${print.pieces.join('{}')} (no value: ${err.message})`,
    )
  last = Promise.all([line, last]).then(([text]) => console.log(text))
  return last
}

function format({ pieces, trees }: Print, texts: readonly string[]): string {
  let next = 0
  return pieces
    .map((piece, i) => {
      if (i === trees.length) return piece
      const count = leavesOf(trees[i])
      return `${piece}${showTree(trees[i], texts.slice(next, (next += count)))}`
    })
    .join('')
}

const leavesOf = (tree: TreeDef): number =>
  tree.kind === 'leaf' ? 1 : tree.kind === 'static' ? 0 : tree.items.reduce((n, item) => n + leavesOf(item), 0)

function showTree(tree: TreeDef, texts: readonly string[]): string {
  const walk = (x: unknown): string => {
    if (Array.isArray(x)) return `[${x.map(walk).join(', ')}]`
    if (x === null || typeof x !== 'object') return String(x)
    return `{ ${Object.entries(x)
      .map(([key, value]) => `${key}: ${walk(value)}`)
      .join(', ')} }`
  }
  return walk(unflatten(tree, texts))
}

/** More elements than this are shown by the first and last of each axis, as NumPy does. */
const mostElements = 100
const edge = 3

async function showArray(array: Storage): Promise<string> {
  const data = await array.read()
  const { shape, dtype } = array
  const element = (x: number): string =>
    dtype === 'bool' ? String(x !== 0) : Number.isInteger(x) ? String(x) : String(Number(x.toPrecision(6)))
  const all = size(shape) <= mostElements
  const show = (axis: number, offset: number): string => {
    if (axis === shape.length) return element(data[offset])
    const n = shape[axis]
    const step = size(shape.slice(axis + 1))
    const at = (i: number): string => show(axis + 1, offset + i * step)
    const indices = Array.from({ length: n }, (_, i) => i)
    if (all || n <= 2 * edge) return `[${indices.map(at).join(', ')}]`
    return `[${indices.slice(0, edge).map(at).join(', ')}, …, ${indices.slice(-edge).map(at).join(', ')}]`
  }
  return show(0, 0)
}
