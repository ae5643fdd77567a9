import { inline, region } from '../../trace/region.js'
import { bind } from '../../trace/tensor.js'
import { linearizing } from '../../transform/jvp.js'
import { type DualRegion, dualRegion, marked, spread } from '../../transform/region-jvp.js'
import { type AnyTensor, opOf, type WholeJvp } from '../op.js'
import * as p from '../prim.js'
import { typesOf } from './check.js'
import { bindWhile, whileParts } from './while-operands.js'

/** One loop carries values and tangents; how often it runs is known only when it has, so it only goes forwards. */
export const whileJvp: WholeJvp = {
  whole: ({ inputs, tangents, params, fns, linear }) => {
    const [cond, body] = fns
    const { condConsts, bodyConsts, carry } = whileParts(inputs, params)
    const ts = whileParts(tangents, params)
    const consts = ts.bodyConsts.map((t) => t !== null)
    let active = ts.carry.map((t) => t !== null)
    let dual: DualRegion
    for (;;) {
      const now = active
      dual = linearizing(false, () => dualRegion(body, [...consts, ...now], now))
      if (dual.active.every((yes, i) => !yes || now[i])) break
      active = now.map((yes, i) => yes || dual.active[i])
    }
    if (!active.includes(true)) return { outs: bind(opOf('while'), inputs, params, fns), tangents: [] }
    const slopes = marked(
      carry.map((x, i) => ts.carry[i] ?? p.like(x, 0)),
      active,
    )
    const tConsts = marked(ts.bodyConsts, consts) as AnyTensor[]
    const init = [...carry, ...slopes]
    const goes = region(
      (xs) => inline(cond, xs.slice(0, condConsts.length + carry.length)),
      typesOf([...condConsts, ...init]),
      cond.name,
    )
    // (constants, carry, tangents of each) → with the tangents beside what they belong to.
    const { inputs: ins, captured } = { ...dual.fn, captured: dual.captured }
    const at = captured.length + bodyConsts.length
    const end = at + carry.length
    const moves = {
      captured,
      fn: {
        ...dual.fn,
        inputs: [
          ...ins.slice(0, at),
          ...ins.slice(end, end + tConsts.length),
          ...ins.slice(at, end),
          ...ins.slice(end + tConsts.length),
        ],
      },
    }
    const fused = bindWhile(goes, condConsts, moves, [...bodyConsts, ...tConsts], init)
    return {
      outs: linear ? bind(opOf('while'), inputs, params, fns) : fused.slice(0, carry.length),
      tangents: spread(fused.slice(carry.length), active),
    }
  },
}
