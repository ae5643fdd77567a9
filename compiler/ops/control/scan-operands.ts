import type { Aval, Params } from '../../ir/types.js'
import type { Region } from '../../trace/region.js'
import { bind } from '../../trace/tensor.js'
import { type AnyTensor, opOf } from '../op.js'

/** A scan of a region; its constants are what it captured, then those given. */
export function bindScan(
  body: Region,
  consts: readonly AnyTensor[],
  carry: readonly AnyTensor[],
  xs: readonly AnyTensor[],
  { length, reverse }: Params,
): AnyTensor[] {
  const all = [...body.captured, ...consts]
  return bind(opOf('scan'), [...all, ...carry, ...xs], { length, reverse, consts: all.length, carry: carry.length }, [
    body.fn,
  ])
}

/** Operands of a scan, or what is said of each. */
export function scanParts<T>(
  xs: readonly T[],
  params: Params,
): { consts: readonly T[]; carry: readonly T[]; xs: readonly T[] } {
  const consts = params.consts as number
  const end = consts + (params.carry as number)
  return { consts: xs.slice(0, consts), carry: xs.slice(consts, end), xs: xs.slice(end) }
}
export const sliceType = (x: Aval): Aval => ({ ...x, shape: x.shape.slice(1) })
export const stackType = (x: Aval, length: number): Aval => ({ ...x, shape: [length, ...x.shape] })
