import type { Params } from '../../ir/types.js'
import type { Region } from '../../trace/region.js'
import { bind } from '../../trace/tensor.js'
import { type AnyTensor, opOf } from '../op.js'

export function whileParts<T>(xs: readonly T[], { condConsts, bodyConsts }: Params) {
  const [c, b] = [condConsts as number, bodyConsts as number]
  return { condConsts: xs.slice(0, c), bodyConsts: xs.slice(c, c + b), carry: xs.slice(c + b) }
}

/** A loop of regions; their operands but the carry are what they captured, then those given. */
export function bindWhile(
  cond: Region,
  condConsts: readonly AnyTensor[],
  body: Region,
  bodyConsts: readonly AnyTensor[],
  carry: readonly AnyTensor[],
): AnyTensor[] {
  const forCond = [...cond.captured, ...condConsts]
  const forBody = [...body.captured, ...bodyConsts]
  return bind(
    opOf('while'),
    [...forCond, ...forBody, ...carry],
    { condConsts: forCond.length, bodyConsts: forBody.length },
    [cond.fn, body.fn],
  )
}
