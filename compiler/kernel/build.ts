import type { Var } from '../ir/types.js'
import { size } from '../ir/types.js'
import type { Target } from '../ir/program.js'
import { type Expr, type Exprs, linearIndex } from './expr.js'
import type { Kernel, KernelBuffer, Stmt } from './ir.js'
import { bindLets } from './lets.js'

/** A kernel and the values behind its buffers. */
export interface Lowered {
  readonly kernel: Kernel
  readonly buffers: readonly Var[]
}

/** The buffers of a kernel under construction: one per value, access and width. */
export interface Buffers {
  read(v: Var, width?: 1 | 4): number
  write(v: Var): number
  load(e: Exprs, v: Var, index: readonly Expr[]): Expr
  readonly vars: readonly Var[]
  readonly list: readonly KernelBuffer[]
}

export function buffers(): Buffers {
  const vars: Var[] = []
  const list: KernelBuffer[] = []
  const find = (v: Var, width: 1 | 4, access: KernelBuffer['access']): number => {
    const at = vars.findIndex((x, i) => x === v && list[i].width === width && list[i].access === access)
    if (at >= 0) return at
    vars.push(v)
    list.push({ dtype: v.aval.dtype, width, access })
    return vars.length - 1
  }
  const read = (v: Var, width: 1 | 4 = 1): number => find(v, width, 'read')
  return {
    vars,
    list,
    read,
    write: (v) => find(v, 1, 'read_write'),
    load: (e, v, index) => e.load(read(v), v.aval.dtype, linearIndex(e, index, v.aval.shape)),
  }
}

/** Workgroups for `n` items, `each` per group, folded into two dims when one is too small. */
export function grid(n: number, each: number, target: Target): [number, number, number] {
  const groups = Math.max(1, Math.ceil(n / each))
  const limit = target.maxComputeWorkgroupsPerDimension
  if (groups <= limit) return [groups, 1, 1]
  const rows = Math.ceil(groups / limit)
  return [Math.ceil(groups / rows), rows, 1]
}

/** Linear number of the workgroup in a `grid`. */
export const groupIndex = (e: Exprs, [x, y]: readonly [number, number, number]): Expr => {
  const gx = e.variable('group_x', 'u32', x - 1)
  return y === 1 ? gx : e.iadd(gx, e.imul(e.variable('group_y', 'u32', y - 1), x))
}

export function finish(name: string, b: Buffers, parts: Omit<Kernel, 'name' | 'buffers' | 'body'> & { body: readonly Stmt[] }): Lowered {
  return { kernel: { name, buffers: b.list, shared: parts.shared, lanes: parts.lanes, workgroups: parts.workgroups, body: bindLets(parts.body) }, buffers: b.vars }
}

export const elements = (v: Var): number => size(v.aval.shape)
