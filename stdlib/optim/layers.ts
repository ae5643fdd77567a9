import { FoveaError } from '../../compiler/trace/error.js'
import { type AnyTensor, flatten, unflatten } from '../../compiler/trace/tree.js'

/** A factor of the learning rate, by a parameter's name and tensor. */
export type LrScale = (name: string, param: AnyTensor) => number

/**
 * Learning rates that fall by `decay` a layer, from the top of each tower down: 1 for what follows its layers, `decay` for the
 * last layer, and so on; what `input` matches comes before the first layer. A tower is what stands before `encoder.layers.N` or
 * `layers.N` in names; parameters outside of towers have 1. To be given as `lrScale` to `adamw` and `muon`.
 * Throws FoveaError 'input' when the decay is not in (0, 1].
 * Source: Clark et al. 2020, "ELECTRA", appendix A; Bao et al. 2022, "BEiT".
 *
 * @example
 * const layers = [0, 1].map(() => ({ w: ones([2, 2]) }))
 * const lrScale = layerDecay({ text: { embeddings: ones([4, 2]), layers } }, 0.5)
 * console.log(lrScale('text.layers.1.w'), lrScale('text.layers.0.w'), lrScale('text.embeddings')) // 0.5 0.25 0.125
 */
export function layerDecay(
  params: unknown,
  decay: number,
  { input = /embeddings/ }: { readonly input?: RegExp } = {},
): (name: string) => number {
  if (!(decay > 0 && decay <= 1))
    throw new FoveaError('input', `layerDecay: expected a decay above 0 and at most 1, got ${decay}`)
  const towers = new Map<string, number>()
  for (const name of flatten(params).paths) {
    const [, tower, layer] = layered.exec(name) ?? []
    if (tower !== undefined) towers.set(tower, Math.max(towers.get(tower) ?? 0, Number(layer) + 1))
  }
  return (name) => {
    const own = [...towers].find(([tower]) => name.startsWith(tower))
    if (!own) return 1
    const layer = layered.exec(name)?.[2]
    if (layer !== undefined) return decay ** (own[1] - Number(layer))
    return name.search(input) >= 0 ? decay ** (own[1] + 1) : 1
  }
}
const layered = /^(.*?)(?:encoder\.)?layers\.(\d+)\./

/**
 * A tree's tensors that `select` takes, and the others: two trees of its structure, with null in the places of the other.
 * What is differentiated by the first alone costs no gradient for the second, and an optimiser of the first keeps nothing of it.
 * `combineParams` puts them together.
 *
 * @example
 * const [trained, frozen] = splitParams({ head: ones([2]), body: ones([2]) }, (name) => name === 'head')
 * const grads = grad((p) => { const { head, body } = combineParams(p, frozen); return sum(mul(head, body)) })(trained)
 * console.log(grads.body) // null
 */
export function splitParams<P>(params: P, select: (name: string, param: AnyTensor) => boolean): [selected: P, rest: P] {
  const { leaves, paths, tree } = flatten(params)
  const chosen = leaves.map((x, i) => select(paths[i], x))
  const part = (which: boolean): P =>
    unflatten(
      tree,
      leaves.map((x, i) => (chosen[i] === which ? x : null)),
    ) as P
  return [part(true), part(false)]
}

/**
 * The tree of which `splitParams` made two. Throws FoveaError 'tree' when a place is null in both.
 *
 * @example
 * const params = { head: ones([2]), body: zeros([2]) }
 * const same = combineParams(...splitParams(params, (name) => name === 'head'))
 */
export function combineParams<P>(selected: P, rest: P): P {
  const join = (a: unknown, b: unknown, path: string): unknown => {
    if (a === null && b === null) throw new FoveaError('tree', `combineParams: neither tree has a tensor at '${path}'`)
    if (a === null) return b
    if (b === null || flatten(a).tree.kind === 'leaf') return a
    const below = (key: string): unknown =>
      join((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], path ? `${path}.${key}` : key)
    if (Array.isArray(a)) return a.map((_, i) => below(String(i)))
    if (typeof a !== 'object') return a
    return Object.fromEntries(Object.keys(a as object).map((key) => [key, below(key)]))
  }
  return join(selected, rest, '') as P
}
