import type { Var } from '../ir/types.js'
import { type Lowered, renumber } from '../kernel/build.js'
import type { Expr } from '../kernel/expr.js'
import type { Stmt } from '../kernel/ir.js'

/** Every element of `x` that the kernel reads is read by the invocation that overwrites it with `v`, before it does. */
export function inPlace({ kernel, buffers }: Lowered, x: Var, v: Var): boolean {
  const named = new Map<string, Expr>()
  const width = new Set(buffers.flatMap((b, i) => (b === x || b === v ? [kernel.buffers[i].width] : [])))
  const reads = new Set<string>()
  const written = new Set<string>()
  let inOrder = true
  const visit = (e: Expr): void => {
    if (e.k === 'load') {
      if (buffers[e.buffer] === x) {
        reads.add(spell(e.at))
        if (written.has(spell(e.at))) inOrder = false
      }
      visit(e.at)
    } else if (e.k === 'op') e.args.forEach(visit)
  }
  const walk = (stmts: readonly Stmt[]): void => {
    for (const s of stmts) {
      if (s.k === 'let') named.set(s.name, s.value)
      if (s.k === 'let' || s.k === 'mutable' || s.k === 'set' || s.k === 'store') visit(s.value)
      if (s.k === 'if' || s.k === 'while' || s.k === 'exit') visit(s.cond)
      if (s.k === 'store') visit(s.at)
      if (s.k === 'loop') for (const x of [s.from, s.count]) if (x && typeof x !== 'number') visit(x)
      if (s.k === 'store' && buffers[s.buffer] === v) written.add(spell(s.at))
      if (s.k === 'loop' || s.k === 'if' || s.k === 'while') walk(s.body)
    }
  }
  /** Addresses may have been named by `let`s: what they stand for is compared. */
  const spell = (e: Expr): string => {
    if (e.k === 'lit') return String(e.value)
    if (e.k === 'var') return named.has(e.name) ? spell(named.get(e.name)!) : e.name
    if (e.k === 'load') return `${e.buffer}[${spell(e.at)}]`
    return `${e.f}(${e.args.map(spell).join(',')})`
  }
  walk(kernel.body)
  return width.size === 1 && inOrder && [...reads].every((at) => written.has(at))
}

/** Merges each pair (output, input whose memory it takes) into one read_write binding. */
export function alias(l: Lowered, aliases: ReadonlyMap<Var, Var>): Lowered {
  if (!aliases.size) return l
  const takenBy = new Map([...aliases].map(([out, input]) => [input, out]))
  const gone = (i: number): boolean => takenBy.has(l.buffers[i]) && l.kernel.buffers[i].access === 'read'
  const kept = l.buffers.map((_, i) => i).filter((i) => !gone(i))
  const index = l.buffers.map((v, i) => {
    const out = gone(i) ? takenBy.get(v)! : v
    return kept.findIndex((k) =>
      gone(i) ? l.buffers[k] === out && l.kernel.buffers[k].access === 'read_write' : k === i,
    )
  })
  return {
    kernel: {
      ...l.kernel,
      buffers: kept.map((i) => l.kernel.buffers[i]),
      body: renumber(l.kernel.body, (i) => index[i]),
    },
    buffers: kept.map((i) => l.buffers[i]),
  }
}
