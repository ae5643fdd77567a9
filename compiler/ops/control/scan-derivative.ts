import type { Fn } from '../../ir/types.js'
import { region } from '../../trace/region.js'
import { type DualRegion, dualRegion, marked, pullback, spread } from '../../transform/region-jvp.js'
import { reached } from '../../transform/split.js'
import type { AnyTensor, TransposeRule, WholeJvp } from '../op.js'
import * as p from '../prim.js'
import { typesOf } from './check.js'
import { bindScan, scanParts, sliceType } from './scan-operands.js'
import { type Role, splitScan } from './scan-split.js'

const repeat = (n: number, role: Role): Role[] => Array.from({ length: n }, () => role)
const count = (on: readonly boolean[]): number => on.filter(Boolean).length

/**
 * Forwards, one loop carries values and tangents. To be transposed, the values' loop goes first and stacks what the tangents' loop,
 * which is linear, reads of it.
 */
export const scanJvp: WholeJvp = {
  whole: ({ inputs, tangents, params, fns: [body], linear }) => {
    const { consts, carry, xs } = scanParts(inputs, params)
    const ts = scanParts(tangents, params)
    const on = { consts: ts.consts.map(isSet), xs: ts.xs.map(isSet) }
    const { dual, active } = settled(body, on.consts, ts.carry.map(isSet), on.xs)
    const made = dual.active.slice(carry.length)
    const tConsts = marked(ts.consts, on.consts) as AnyTensor[]
    const tXs = marked(ts.xs, on.xs) as AnyTensor[]
    const tCarry = marked(
      carry.map((x, i) => ts.carry[i] ?? p.like(x, 0)),
      active,
    )
    const values = [...dual.captured, ...inputs]
    const heads = body.outputs.length
    const ends = carry.length
    const tangentsOf = (tCarries: readonly AnyTensor[], tYs: readonly AnyTensor[]): (AnyTensor | null)[] => [
      ...spread(tCarries, active),
      ...spread(tYs, made),
    ]
    if (linear) {
      const roles = [
        ...repeat(dual.captured.length + consts.length, 'consts'),
        ...repeat(ends, 'carry'),
        ...repeat(xs.length, 'xs'),
      ]
      const late = [...repeat(tConsts.length, 'consts'), ...repeat(tCarry.length, 'carry'), ...repeat(tXs.length, 'xs')]
      const done = splitScan(
        dual.fn,
        [...roles, ...late],
        [...values, ...late.map(() => null)],
        dual.fn.outputs.map((_, i) => i >= heads),
        params,
      )
      const rest = { fn: done.body, captured: [] }
      const outs = bindScan(rest, [...done.consts, ...tConsts], tCarry, [...done.xs, ...tXs], params)
      return { outs: done.outs, tangents: tangentsOf(outs.slice(0, tCarry.length), outs.slice(tCarry.length)) }
    }
    // (consts, carry, xs, tangents of each) → (carry, ys, tangents of each), with the tangents beside what they belong to.
    const { inputs: ins, outputs } = dual.fn
    const [c, n] = [dual.captured.length + consts.length, values.length]
    const [tc, tn] = [n + tConsts.length, n + tConsts.length + tCarry.length]
    const fused: Fn = {
      ...dual.fn,
      inputs: [
        ...ins.slice(0, c),
        ...ins.slice(n, tc),
        ...ins.slice(c, c + ends),
        ...ins.slice(tc, tn),
        ...ins.slice(c + ends, n),
        ...ins.slice(tn),
      ],
      outputs: [
        ...outputs.slice(0, ends),
        ...outputs.slice(heads, heads + tCarry.length),
        ...outputs.slice(ends, heads),
        ...outputs.slice(heads + tCarry.length),
      ],
    }
    const outs = bindScan(
      { fn: fused, captured: [] },
      [...values.slice(0, c), ...tConsts],
      [...carry, ...tCarry],
      [...xs, ...tXs],
      params,
    )
    const ys = ends + tCarry.length
    const tYs = ys + heads - ends
    return {
      outs: [...outs.slice(0, ends), ...outs.slice(ys, tYs)],
      tangents: tangentsOf(outs.slice(ends, ys), outs.slice(tYs)),
    }
  },
}

const isSet = (t: AnyTensor | null): boolean => t !== null

/** The body on dual numbers, when it is known which of the carry have tangents: those that start or end a step with one. */
function settled(
  body: Fn,
  consts: readonly boolean[],
  carry: readonly boolean[],
  xs: readonly boolean[],
): { dual: DualRegion; active: readonly boolean[] } {
  let active = carry
  for (;;) {
    const dual = dualRegion(body, [...consts, ...active, ...xs], active)
    const after = dual.active.slice(0, carry.length)
    if (after.every((yes, i) => !yes || active[i])) return { dual, active }
    active = active.map((yes, i) => yes || after[i])
  }
}

/**
 * The scan that goes the other way: it carries cotangents of the carry, adds up those of the constants, and stacks those of the xs.
 * What of the carry is not linear runs first, by itself.
 */
export const scanTranspose: TransposeRule = ({ cotangents, inputs, linear, params, fns: [body] }) => {
  const on = scanParts(linear, params)
  const { consts, carry, xs } = scanParts(inputs, params)
  const grow = (now: readonly boolean[]) => reached(body, [...on.consts, ...now, ...on.xs])
  let isLinear = on.carry
  for (;;) {
    const after = grow(isLinear).slice(0, carry.length)
    if (after.every((yes, i) => !yes || isLinear[i])) break
    isLinear = isLinear.map((yes, i) => yes || after[i])
  }
  const known = { consts: marked(consts, on.consts.map(not)), xs: marked(xs, on.xs.map(not)) }
  let step = body
  let flags = [...on.consts, ...isLinear, ...on.xs]
  let cts = cotangents
  if (isLinear.includes(false)) {
    const roles = [...repeat(consts.length, 'consts'), ...repeat(carry.length, 'carry'), ...repeat(xs.length, 'xs')]
    const outs = grow(isLinear)
    const operands = inputs.map((x, i) => (flags[i] ? null : x))
    const done = splitScan(body, roles, operands, [...isLinear, ...outs.slice(carry.length)], params)
    known.consts = [...done.consts]
    known.xs = [...done.xs]
    step = done.body
    cts = marked(cotangents, [...isLinear, ...outs.slice(carry.length)])
    flags = step.inputs.map((_, i) => {
      const first = done.consts.length
      const then = first + count(on.consts) + count(isLinear)
      return i >= first && !(i >= then && i < then + done.xs.length)
    })
  }
  const carries = count(isLinear)
  const linearConsts = marked(consts, on.consts)
  const ends = cts.slice(0, carries)
  const ys = cts.slice(carries)
  const present = ys.map(isSet)
  const ctYs = marked(ys, present) as AnyTensor[]
  const init = [
    ...linearConsts.map((x) => p.like(x, 0)),
    ...marked(carry, isLinear).map((x, i) => ends[i] ?? p.like(x, 0)),
  ]
  const back = region(
    (values) => {
      const at = [known.consts.length, known.consts.length + linearConsts.length]
      const end = at[1] + carries
      const sums = values.slice(at[0], at[1])
      const slices = values.slice(end)
      const results = pullback(
        step,
        flags,
        [...values.slice(0, at[0]), ...slices.slice(ctYs.length)],
        [...values.slice(at[1], end), ...spread(slices.slice(0, ctYs.length), present)],
      )
      return [...sums.map((sum, i) => p.add(sum, results[i])), ...results.slice(sums.length)]
    },
    [...typesOf([...known.consts, ...init]), ...typesOf([...ctYs, ...known.xs]).map(sliceType)],
    body.name,
  )
  const outs = bindScan(back, known.consts, init, [...ctYs, ...known.xs], { ...params, reverse: !params.reverse })
  const n = linearConsts.length
  const ofCarry = spread(outs.slice(n, n + carries), isLinear)
  return [
    ...spread(outs.slice(0, n), on.consts),
    ...ofCarry.map((ct, i) => (on.carry[i] ? ct : null)),
    ...spread(outs.slice(n + carries), on.xs),
  ]
}

const not = (yes: boolean): boolean => !yes
