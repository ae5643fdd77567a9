import type { Var } from '../ir/types.js'
import { type Lowered, renumber } from '../kernel/build.js'
import { type Expr, type ExprType, widthOf } from '../kernel/expr.js'
import type { Kernel, Stmt } from '../kernel/ir.js'

/** Every element of `x` that the kernel reads is read by the invocation that overwrites it with `v`, before it does. */
export function inPlace({ kernel, buffers }: Lowered, x: Var, v: Var): boolean {
  const width = new Set(buffers.flatMap((b, i) => (b === x || b === v ? [kernel.buffers[i].width] : [])))
  if (width.size !== 1) return false
  const number = numbering()
  const reads = new Set<number>()
  const written = new Set<number>()
  let inOrder = true
  /** One element and four from the same address are two places. */
  const place = (at: Expr, t: ExprType): number => 2 * number.of(at) + Number(widthOf(t) === 4)
  const visit = (e: Expr, seen: Set<Expr>): void => {
    if (e.k === 'lit' || e.k === 'var' || seen.has(e)) return
    seen.add(e)
    if (e.k === 'op') {
      for (const a of e.args) visit(a, seen)
      return
    }
    if (buffers[e.buffer] === x) {
      const at = place(e.at, e.t)
      reads.add(at)
      if (written.has(at)) inOrder = false
    }
    visit(e.at, seen)
  }
  const walk = (stmts: readonly Stmt[]): void => {
    for (const s of stmts) {
      const seen = new Set<Expr>()
      if (s.k === 'let') number.name(s.name, s.value)
      if (s.k === 'let' || s.k === 'mutable' || s.k === 'set' || s.k === 'store') visit(s.value, seen)
      if (s.k === 'if' || s.k === 'while' || s.k === 'exit') visit(s.cond, seen)
      if (s.k === 'store') visit(s.at, seen)
      if (s.k === 'loop') for (const bound of [s.from, s.count]) if (typeof bound === 'object') visit(bound, seen)
      if (s.k === 'store' && buffers[s.buffer] === v) written.add(place(s.at, s.value.t))
      if (s.k === 'loop' || s.k === 'if' || s.k === 'while') walk(s.body)
    }
  }
  walk(kernel.body)
  return inOrder && [...reads].every((at) => written.has(at))
}

/** Numbers expressions, equal ones alike. Names of `let`s stand for what they name. */
function numbering() {
  const named = new Map<string, Expr>()
  const known = new Map<Expr, number>()
  const numbers = new Map<string, number>()
  const spell = (e: Expr): string => {
    if (e.k === 'lit') return String(e.value)
    if (e.k === 'var') return e.name
    return e.k === 'load' ? `${e.buffer}[${of(e.at)}]` : `${e.f}(${e.args.map(of)})`
  }
  const intern = (text: string): number => {
    const n = numbers.get(text) ?? numbers.size
    numbers.set(text, n)
    return n
  }
  const of = (e: Expr): number => {
    const before = known.get(e)
    if (before !== undefined) return before
    const value = e.k === 'var' ? named.get(e.name) : undefined
    const n = value ? of(value) : intern(spell(e))
    known.set(e, n)
    return n
  }
  const name = (as: string, value: Expr): void => {
    if (named.has(as)) known.clear()
    named.set(as, value)
  }
  return { of, name }
}

/** Merges each pair (output, input whose memory it takes) into one read_write binding; with the bindings that are left. */
export function alias(l: Lowered, aliases: ReadonlyMap<Var, Var>): { kernel: Kernel; kept: readonly number[] } {
  const all = l.buffers.map((_, i) => i)
  if (!aliases.size) return { kernel: l.kernel, kept: all }
  const takenBy = new Map([...aliases].map(([out, input]) => [input, out]))
  const gone = (i: number): boolean => takenBy.has(l.buffers[i]) && l.kernel.buffers[i].access === 'read'
  const kept = all.filter((i) => !gone(i))
  const index = l.buffers.map((v, i) => {
    const out = gone(i) ? takenBy.get(v)! : v
    return kept.findIndex((k) =>
      gone(i) ? l.buffers[k] === out && l.kernel.buffers[k].access === 'read_write' : k === i,
    )
  })
  const body = renumber(l.kernel.body, (i) => index[i])
  return { kernel: { ...l.kernel, buffers: kept.map((i) => l.kernel.buffers[i]), body }, kept }
}
