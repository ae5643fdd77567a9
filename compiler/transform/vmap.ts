import '../ops/index.js'
import type { Fn, Var } from '../ir/types.js'
import { showShape } from '../ir/types.js'
import { opOf } from '../ops/op.js'
import * as p from '../ops/prim.js'
import { tracePrinting } from '../trace/collect.js'
import { FoveaError } from '../trace/error.js'
import { releasePrints } from '../trace/prints.js'
import { at, where } from '../trace/source.js'
import { bind, inputTensor } from '../trace/tensor.js'
import { type AnyTensor, flatten, type TreeDef, unflatten } from '../trace/tree.js'
import type { Dim } from '../types/shape.js'
import type { Batched, BatchedArgs, MapAxes, MapAxis } from '../types/vmap.js'
import { inNamedAxis } from './named-axis.js'

const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)
/** The same for each of the `n` examples. */
export const inFront = (x: AnyTensor, n: number): AnyTensor =>
  p.broadcastInDim(x, [n, ...x.aval.shape], range(x.aval.shape.length, 1))

/** The axis that is mapped: its size, and the name that collectives in the function call it by. */
export interface MappedAxis {
  readonly size: number
  readonly name?: string
}

/** Evaluates `fn` where the inputs marked `batched` carry the mapped axis in front; so do the outputs marked so. */
export function batchFn(
  fn: Fn,
  inputs: readonly AnyTensor[],
  batched: readonly boolean[],
  axis: MappedAxis,
): { readonly outs: AnyTensor[]; readonly batched: boolean[] } {
  const values = new Map<Var, AnyTensor>(fn.inputs.map((v, i) => [v, inputs[i]]))
  const mapped = new Set<Var>(fn.inputs.filter((_, i) => batched[i]))
  for (const eqn of fn.eqns) {
    const record = opOf(eqn.op)
    const xs = eqn.inputs.map((v) => values.get(v)!)
    const on = eqn.inputs.map((v) => mapped.has(v))
    const outs = at(
      () => eqn.loc,
      eqn.scope,
      () => {
        const { batch } = record
        if (batch === 'elementwise') {
          const some = on.includes(true)
          if (some) for (const v of eqn.outputs) mapped.add(v)
          return bind(record, some ? xs.map((x, i) => (on[i] ? x : inFront(x, axis.size))) : xs, eqn.params, eqn.fns)
        }
        // Functions that an equation runs may hold collectives.
        const collective = axis.name !== undefined && (eqn.params.axisName === axis.name || eqn.fns !== undefined)
        if (!on.includes(true) && !collective) return bind(record, xs, eqn.params, eqn.fns)
        if (axis.size === 0 && !collective) {
          // Of no examples there is nothing to compute, and rules need not divide by their number.
          for (const v of eqn.outputs) mapped.add(v)
          return eqn.outputs.map(({ aval }) => p.full([0, ...aval.shape], 0, aval.dtype))
        }
        const { params, fns = [] } = eqn
        const result = batch({ inputs: xs, batched: on, size: axis.size, axisName: axis.name, params, fns })
        const whole = Array.isArray(result) ? { outs: result, batched: result.map(() => true) } : result
        eqn.outputs.forEach((v, i) => {
          if (whole.batched[i]) mapped.add(v)
        })
        return whole.outs
      },
    )
    eqn.outputs.forEach((v, i) => {
      values.set(v, outs[i])
    })
  }
  return { outs: fn.outputs.map((v) => values.get(v)!), batched: fn.outputs.map((v) => mapped.has(v)) }
}

/** What a spec says for each leaf of a tree. */
function axesOfLeaves(what: string, spec: MapAxis, tree: TreeDef, path: string): (number | null)[] {
  if (spec === null || typeof spec === 'number') return leafCount(tree, spec)
  const items = tree.kind === 'array' || tree.kind === 'object' ? tree.items : []
  const keys = tree.kind === 'object' ? tree.keys : items.map((_, i) => String(i))
  const given = Object.keys(spec)
  if (tree.kind === 'leaf' || tree.kind === 'static' || given.some((key) => !keys.includes(key)))
    throw new FoveaError(
      'tree',
      `vmap: ${what} has ${given.map((key) => `'${key}'`).join(', ')} at '${path || 'the top'}', where ${tree.kind === 'leaf' ? 'a tensor is' : `there is ${keys.map((key) => `'${key}'`).join(', ') || 'nothing'}`}`,
      where()(),
    )
  return keys.flatMap((key, i) => {
    const of = given.includes(key) ? (spec as Record<string, MapAxis>)[key] : 0
    return axesOfLeaves(what, of, items[i], path ? `${path}.${key}` : key)
  })
}
const leafCount = (tree: TreeDef, axis: number | null): (number | null)[] =>
  tree.kind === 'leaf' ? [axis] : tree.kind === 'static' ? [] : tree.items.flatMap((item) => leafCount(item, axis))

/** `axis` counted from the front of `rank` dims. */
function fromFront(axis: number, rank: number, path: string, x: AnyTensor): number {
  const at = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(axis) || at < 0 || at >= rank)
    throw new FoveaError(
      'shape',
      rank === 0
        ? `vmap: expected an axis to map at '${path}', got a scalar`
        : `vmap: axis ${axis} is out of range for ${showShape(x.aval.shape)} at '${path}'`,
      where()(),
    )
  return at
}
const moveToFront = (x: AnyTensor, from: number): AnyTensor => {
  const rest = range(x.aval.shape.length).filter((d) => d !== from)
  return from === 0 ? x : p.transpose(x, [from, ...rest])
}
const moveFromFront = (x: AnyTensor, to: number): AnyTensor => {
  const rest = range(x.aval.shape.length - 1, 1)
  return to === 0 ? x : p.transpose(x, [...rest.slice(0, to), 0, ...rest.slice(to)])
}

export interface VmapOptions {
  /** A name for the mapped axis, by which `psum` and other collectives in the function call it. */
  readonly axisName?: string
  /** The axis' size, needed when no argument is mapped. */
  readonly axisSize?: number
}

/**
 * Maps `f` over an axis of its arguments, without a loop: the batched program is made by each op's own rule.
 * `inAxes` says which axis: one number for all arguments (0, the default), or one an argument, a number, null (the same for all), or a
 * tree of these like the argument. `outAxes` says where the axis is in results, likewise (0 when absent); null wants a result that doesn't
 * depend on mapped arguments, and has it once. `options.axisName` names the axis for collectives.
 * Throws FoveaError 'shape' when an axis is out of range, the axes' sizes differ, or a result for null is mapped; 'tree' when a spec is
 * not like its argument or result.
 *
 * @example
 * const dots = vmap((x, y) => sum(mul(x, y)), [0, null])
 * console.log(await dots(ones([3, 4]), ones([4])).data()) // Float32Array(3) [ 4, 4, 4 ]
 * const centered = vmap((x) => sub(x, pmean(x, 'batch')), 0, 0, { axisName: 'batch' })
 * console.log(await centered(tensor([1, 2, 6])).data()) // Float32Array(3) [ -2, -1, 3 ]
 */
export function vmap<A extends readonly any[], R, const In extends MapAxes = 0, const Out extends MapAxis = 0>(
  f: (...args: A) => R,
  inAxes: In = 0 as In,
  outAxes: Out = 0 as Out,
  options: VmapOptions = {},
): <const N extends Dim>(...args: BatchedArgs<A, N, In>) => Batched<R, N, Out> {
  return (...args) => {
    const fail = (message: string): never => {
      throw new FoveaError('shape', message, where()())
    }
    const flat = flatten(args)
    const ins = args.flatMap((arg, i) => {
      const of = Array.isArray(inAxes) ? (i < inAxes.length ? inAxes[i] : 0) : inAxes
      return axesOfLeaves('inAxes', of, flatten(arg).tree, String(i))
    })
    const sizes = new Set<number>(options.axisSize === undefined ? [] : [options.axisSize])
    const leaves = flat.leaves.map((x, i) => {
      const axis = ins[i]
      if (axis === null) return x
      const at = fromFront(axis, x.aval.shape.length, flat.paths[i], x)
      sizes.add(x.aval.shape[at])
      return moveToFront(x, at)
    })
    if (sizes.size !== 1)
      fail(
        sizes.size
          ? `vmap: expected one size of the mapped axis, got ${[...sizes].join(' and ')} in ${flat.leaves.map((x) => showShape(x.aval.shape)).join(', ')}`
          : 'vmap: expected at least one tensor to map over, or axisSize',
      )
    const axis: MappedAxis = { size: [...sizes][0], name: options.axisName }
    const batched = ins.map((at) => at !== null)
    const one = leaves.map((x, i) =>
      inputTensor(batched[i] ? { ...x.aval, shape: x.aval.shape.slice(1) } : x.aval, flat.paths[i]),
    )
    const traced = inNamedAxis(axis, () =>
      tracePrinting(f as (...args: any[]) => unknown, unflatten(flat.tree, one) as unknown[], f.name || 'vmap'),
    )
    const inputs = [...leaves, ...traced.captured]
    const result = batchFn(traced.fn, inputs, [...batched, ...traced.captured.map(() => false)], axis)
    const outs = axesOfLeaves('outAxes', outAxes, traced.outTree, '')
    const placed = releasePrints(traced.prints, result.outs).map((y, i) => {
      const to = outs[i]
      if (to !== null) {
        const whole = result.batched[i] ? y : inFront(y, axis.size)
        return moveFromFront(whole, fromFront(to, whole.aval.shape.length, 'the result', whole))
      }
      return result.batched[i] ? fail('vmap: outAxes is null for a result that depends on a mapped argument') : y
    })
    return unflatten(traced.outTree, placed) as never
  }
}
