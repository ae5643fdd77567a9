import { type Aval, type Fn, showAval, type Var } from '../../ir/types.js'
import { inline, joined, type Region, region } from '../../trace/region.js'
import { bind } from '../../trace/tensor.js'
import { type DualRegion, dualRegion, marked, pullback, spread } from '../../transform/region-jvp.js'
import { split } from '../../transform/split.js'
import { type AnyTensor, opOf, type TransposeRule, type WholeJvp } from '../op.js'
import * as p from '../prim.js'
import { typesOf } from './check.js'

/** A choice among regions of the same operands. */
function bindCond(index: AnyTensor, regions: readonly Region[], operands: readonly AnyTensor[]): AnyTensor[] {
  const { fns, captured } = joined(regions)
  return bind(opOf('cond'), [index, ...captured, ...operands], {}, fns)
}

/**
 * Forwards, a branch computes values and tangents. To be transposed, the branch taken gives the values and what its tangents read of them;
 * a second choice, which is linear, gives the tangents.
 */
export const condJvp: WholeJvp = {
  whole: ({ inputs: [index, ...operands], tangents: [, ...tangents], fns, linear }) => {
    const on = tangents.map((t) => t !== null)
    const ts = marked(tangents, on) as AnyTensor[]
    const { duals, active } = agreeing(fns, on)
    if (linear) return linearized(index, [...operands], ts, duals, fns[0].outputs.length, active)
    const outs = bindCond(index, duals, [...operands, ...ts])
    const heads = fns[0].outputs.length
    return { outs: outs.slice(0, heads), tangents: spread(outs.slice(heads), active) }
  },
}

/** The branches on dual numbers, all with tangents of the same outputs. */
function agreeing(fns: readonly Fn[], on: readonly boolean[]): { duals: DualRegion[]; active: readonly boolean[] } {
  let active: readonly boolean[] = fns[0].outputs.map(() => false)
  for (;;) {
    const duals = fns.map((fn) => dualRegion(fn, on, active))
    const union = active.map((yes, i) => yes || duals.some((d) => d.active[i]))
    if (duals.every((d) => d.active.every((yes, i) => yes === union[i]))) return { duals, active: union }
    active = union
  }
}

function linearized(
  index: AnyTensor,
  operands: readonly AnyTensor[],
  ts: readonly AnyTensor[],
  duals: readonly DualRegion[],
  heads: number,
  active: readonly boolean[],
): ReturnType<WholeJvp['whole']> {
  const { fns, captured } = joined(duals)
  const given = [...captured, ...operands]
  const parts = fns.map((fn) => {
    const isTangent = fn.inputs.map((_, i) => i >= given.length)
    const isSlope = fn.outputs.map((_, i) => i >= heads)
    return { fn, ...split(fn, isTangent, isSlope) }
  })
  // Residuals that are operands are read again; others of one type share places, zeros in the branches that have fewer.
  const slots: Aval[] = []
  const slotsOf = parts.map(({ fn, residuals }) => {
    const free = slots.map((_, i) => i)
    const places = new Map<Var, number>()
    for (const v of residuals) {
      if (fn.inputs.includes(v)) continue
      let i = free.findIndex((slot) => showAval(slots[slot]) === showAval(v.aval))
      if (i < 0) i = free.push(slots.push(v.aval) - 1) - 1
      places.set(v, free.splice(i, 1)[0])
    }
    return places
  })
  const first = parts.map(({ known }, k) => {
    const own = [...slotsOf[k].values()]
    return region(
      (xs) => {
        const results = inline(known, xs)
        const kept = slots.map((aval, slot) => {
          const i = own.indexOf(slot)
          return i < 0 ? p.full(aval.shape, 0, aval.dtype) : results[heads + i]
        })
        return [...results.slice(0, heads), ...kept]
      },
      typesOf(given),
      known.name,
    )
  })
  const outs = bindCond(index, first, given)
  const then = parts.map(({ fn, unknown, residuals }, k) =>
    region(
      (xs) => {
        const values = residuals.map((v) => {
          const slot = slotsOf[k].get(v)
          return xs[slot === undefined ? fn.inputs.indexOf(v) : given.length + slot]
        })
        return inline(unknown, [...values, ...xs.slice(given.length + slots.length)])
      },
      [...typesOf(given), ...slots, ...typesOf(ts)],
      unknown.name,
    ),
  )
  const slopes = bindCond(index, then, [...given, ...outs.slice(heads), ...ts])
  return { outs: outs.slice(0, heads), tangents: spread(slopes, active) }
}

/** The choice among the branches' transposes. */
export const condTranspose: TransposeRule = ({ cotangents, inputs: [index, ...operands], linear: [, ...on], fns }) => {
  const known = marked(
    operands,
    on.map((yes) => !yes),
  )
  const present = cotangents.map((ct) => ct !== null)
  const cts = marked(cotangents, present) as AnyTensor[]
  const back = fns.map((fn) =>
    region(
      (xs) => pullback(fn, on, xs.slice(0, known.length), spread(xs.slice(known.length), present)),
      typesOf([...known, ...cts]),
      fn.name,
    ),
  )
  return [null, ...spread(bindCond(index, back, [...known, ...cts]), on)]
}
