import { FoveaError } from '../../compiler/trace/error.js'
import type { ShapeDType } from './state.js'

/** Names as a tree: a dot is a step down. */
interface Group extends Map<string, Group | ShapeDType> {}

/**
 * The TypeScript of a tree of parameters with these names, `a.0.weight` as `{ a: [{ weight }] }`, each with its literal shape: what
 * `fromStateDict` and a model's functions can be typed with. What lists hold has interfaces of its own.
 *
 * @param name of the interface of the whole
 * @throws FoveaError 'checkpoint' if a name is both a tensor's and a part's
 * @example
 * const text = paramsInterface(await readShapes('checkpoints/clip'), 'ClipParams')
 */
export function paramsInterface(shapes: ReadonlyMap<string, ShapeDType>, name = 'Params'): string {
  const root: Group = new Map()
  for (const [path, leaf] of shapes) put(root, path.split('.'), leaf, path)

  /** Names of interfaces by their text, in the order in which they are declared. */
  const interfaces = new Map<string, string>()
  const typeOf = (node: Group | ShapeDType, path: readonly string[], indent: string): string => {
    if (!(node instanceof Map)) return `Tensor<[${node.shape.join(', ')}], '${node.dtype}'>`
    const keys = [...node.keys()].sort((a, b) => Number(a) - Number(b))
    if (!keys.every((key, i) => key === String(i))) return objectOf(node, path, indent)
    return listOf(keys.map((key) => elementOf(node.get(key)!, path)))
  }
  const objectOf = (node: Group, path: readonly string[], indent: string): string => {
    const members = Array.from(
      node,
      ([key, x]) => `${indent}  readonly ${keyOf(key)}: ${typeOf(x, [...path, key], `${indent}  `)}\n`,
    )
    return `{\n${members.join('')}${indent}}`
  }
  const elementOf = (node: Group | ShapeDType, path: readonly string[]): string => {
    const type = typeOf(node, path, '')
    if (!type.startsWith('{')) return type
    const same = interfaces.get(type)
    if (same) return same
    const taken = [name, ...interfaces.values()]
    const wanted = pascal(path)
    let own = wanted
    for (let n = 2; taken.includes(own); n++) own = `${wanted}${n}`
    interfaces.set(type, own)
    return own
  }
  const whole = objectOf(root, [], '')
  const declarations = [...interfaces, [whole, name]].map(([type, own]) => `export interface ${own} ${type}\n`)
  return ["import type { Tensor } from 'fovea'\n", ...declarations].join('\n')
}

function pascal(path: readonly string[]): string {
  const words = path.flatMap((key) => key.split(/[^\p{L}\p{N}]+/u)).filter(Boolean)
  const name = words.map((word) => word[0].toUpperCase() + word.slice(1)).join('')
  return /^\p{L}/u.test(name) ? name : `List${name}`
}

/** A list's type: `readonly X[]` of parts that are alike, else each in its place. */
const listOf = (types: readonly string[]): string =>
  types.length > 1 && types.every((t) => t === types[0]) ? `readonly ${types[0]}[]` : `readonly [${types.join(', ')}]`

const keyOf = (key: string): string => (/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key) ? key : JSON.stringify(key))

function put(group: Group, [key, ...rest]: readonly string[], leaf: ShapeDType, path: string): void {
  const there = group.get(key)
  if (there && (rest.length === 0 || !(there instanceof Map)))
    throw new FoveaError(
      'checkpoint',
      `'${path}' is the name of a tensor, and other names go on below it: no tree holds both`,
    )
  if (rest.length === 0) {
    group.set(key, leaf)
    return
  }
  const below: Group = (there as Group | undefined) ?? new Map()
  group.set(key, below)
  put(below, rest, leaf, path)
}
