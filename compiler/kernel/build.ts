import { wideOf } from '../ir/dtype.js'
import type { Target } from '../ir/program.js'
import { size, type Var } from '../ir/types.js'
import { type Expr, type Exprs, linearIndex } from './expr.js'
import { type Kernel, type KernelBuffer, type Stmt, scratchBase } from './ir.js'

/** A kernel and the values behind its buffers. */
export interface Lowered {
  readonly kernel: Kernel
  readonly buffers: readonly Var[]
}

/** The buffers of a kernel under construction: one per value, access and width. */
export interface Buffers {
  read(v: Var, width?: 1 | 4): number
  write(v: Var, width?: 1 | 4): number
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
    list.push({ dtype: v.aval.dtype, size: size(v.aval.shape), width, access })
    return vars.length - 1
  }
  const read = (v: Var, width: 1 | 4 = 1): number => find(v, width, 'read')
  return {
    vars,
    list,
    read,
    write: (v, width = 1) => find(v, width, 'read_write'),
    load: (e, v, index) => e.load(read(v), wideOf[v.aval.dtype], linearIndex(e, index, v.aval.shape)),
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

/** A kernel of the buffers that the body mentions. */
export function finish(
  name: string,
  b: Buffers,
  parts: Omit<Kernel, 'name' | 'buffers' | 'body'> & { body: readonly Stmt[] },
): Lowered {
  const used = new Set<number>()
  renumber(parts.body, (i) => {
    used.add(i)
    return i
  })
  const kept = b.list.map((_, i) => i).filter((i) => used.has(i))
  const body = renumber(parts.body, (i) => kept.indexOf(i))
  return { kernel: { ...parts, name, buffers: kept.map((i) => b.list[i]), body }, buffers: kept.map((i) => b.vars[i]) }
}

/** The same statements with their buffers renumbered; expressions that were one object stay one. */
export function renumber(body: readonly Stmt[], to: (buffer: number) => number): Stmt[] {
  const number = (i: number): number => (i >= scratchBase ? i : to(i))
  const moved = new Map<Expr, Expr>()
  const move = (x: Expr): Expr => {
    const known = moved.get(x)
    if (known) return known
    let out = x
    if (x.k === 'load') out = { ...x, buffer: number(x.buffer), at: move(x.at) }
    else if (x.k === 'op') out = { ...x, args: x.args.map(move) }
    moved.set(x, out)
    return out
  }
  const stmt = (s: Stmt): Stmt => {
    switch (s.k) {
      case 'let':
      case 'mutable':
      case 'set':
        return { ...s, value: move(s.value) }
      case 'store':
        return { ...s, buffer: number(s.buffer), at: move(s.at), value: move(s.value) }
      case 'loop':
        return {
          ...s,
          from: s.from && move(s.from),
          count: typeof s.count === 'number' ? s.count : move(s.count),
          body: s.body.map(stmt),
        }
      case 'if':
      case 'while':
        return { ...s, cond: move(s.cond), body: s.body.map(stmt) }
      case 'exit':
        return { ...s, cond: move(s.cond) }
      case 'barrier':
        return s
    }
  }
  return body.map(stmt)
}
