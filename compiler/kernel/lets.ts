import type { Expr } from './expr.js'
import { builtins, isMutable, type Stmt, scratchBase } from './ir.js'

/** Operations in one another, at most: parsers of WGSL end at some depth. */
const deepest = 64

/**
 * Names shared subexpressions with `let`, each as far out as its variables allow: work that does not change in a loop is done
 * before it, and nothing is computed twice. `known` names the variables that the kernel begins with.
 */
export function bindLets(body: readonly Stmt[], known: Iterable<string> = builtins): Stmt[] {
  const uses = countUses(body)
  let next = 0
  const names = new Map<Expr, string>()
  const rewritten = new Map<Expr, Expr>()
  /** Operations in one another in what is written for an expression. */
  const depths = new Map<Expr, number>()

  const block = (stmts: readonly Stmt[], outer: ReadonlySet<string>): Stmt[] => {
    const known = new Set(outer)
    const out: Stmt[] = []
    // Names bound in this block end with it.
    const bound: Expr[] = []
    /** Parts of the statement under way that are not ready, outside a loop and inside: they needn't be looked at again. */
    const waiting = [new Set<Expr>(), new Set<Expr>()]
    /** Binds every shared or loop-invariant part of `x` whose variables are known here. */
    const visit = (x: Expr, inLoop: boolean): boolean => {
      if (names.has(x)) return true
      if (x.k === 'lit') return true
      if (x.k === 'var') return known.has(x.name) && !isMutable(x.name)
      if (waiting[Number(inLoop)].has(x)) return false
      const parts = x.k === 'load' ? [x.at] : x.args
      let ready = true
      for (const part of parts) ready = visit(part, inLoop) && ready
      const depth = 1 + parts.reduce((most, part) => Math.max(most, names.has(part) ? 0 : (depths.get(part) ?? 0)), 0)
      depths.set(x, depth)
      // Scratch changes, so its loads stay where they are.
      if (x.k === 'load' && x.buffer >= scratchBase) return false
      // Part of the instruction that reads or writes there.
      if (x.k === 'op' && x.f === 'offset') return ready
      if (ready && ((uses.get(x) ?? 0) > 1 || inLoop || depth >= deepest)) {
        const name = `v${next++}`
        out.push({ k: 'let', name, value: rewrite(x) })
        names.set(x, name)
        bound.push(x)
      }
      if (!ready) waiting[Number(inLoop)].add(x)
      return ready
    }
    for (const s of stmts) {
      for (const w of waiting) w.clear()
      eachExpression(s, visit)
      switch (s.k) {
        case 'let':
        case 'mutable':
          out.push({ ...s, value: rewrite(s.value) })
          known.add(s.name)
          break
        case 'set':
          out.push({ ...s, value: rewrite(s.value) })
          break
        case 'store':
          out.push({ ...s, at: rewrite(s.at), value: rewrite(s.value) })
          break
        case 'loop':
          out.push({
            ...s,
            from: s.from && rewrite(s.from),
            count: typeof s.count === 'number' ? s.count : rewrite(s.count),
            body: block(s.body, new Set([...known, s.index])),
          })
          break
        case 'if':
        case 'while':
          out.push({ ...s, cond: rewrite(s.cond), body: block(s.body, known) })
          break
        case 'exit':
          out.push({ ...s, cond: rewrite(s.cond) })
          break
        case 'barrier':
          out.push(s)
      }
      rewritten.clear()
    }
    for (const x of bound) names.delete(x)
    return out
  }

  const rewrite = (x: Expr): Expr => {
    const name = names.get(x)
    if (name) return { k: 'var', t: x.t, id: -1, max: x.max, name }
    const known = rewritten.get(x)
    if (known) return known
    let y = x
    if (x.k === 'load') y = { ...x, at: rewrite(x.at) }
    else if (x.k === 'op') y = { ...x, args: x.args.map(rewrite) }
    rewritten.set(x, y)
    return y
  }
  return block(body, new Set(known))
}

/** Calls `f` with the expressions a statement evaluates, and whether each is inside a loop of the statement's own. */
export function eachExpression(s: Stmt, f: (x: Expr, inLoop: boolean) => void, inLoop = false): void {
  switch (s.k) {
    case 'let':
    case 'mutable':
    case 'set':
      f(s.value, inLoop)
      break
    case 'store':
      f(s.at, inLoop)
      f(s.value, inLoop)
      break
    case 'loop':
      if (s.from) f(s.from, inLoop)
      // Asked again in every turn.
      if (typeof s.count !== 'number') f(s.count, true)
      for (const inner of s.body) eachExpression(inner, f, true)
      break
    case 'if':
      f(s.cond, inLoop)
      for (const inner of s.body) eachExpression(inner, f, inLoop)
      break
    case 'while':
      f(s.cond, true)
      for (const inner of s.body) eachExpression(inner, f, true)
      break
    case 'exit':
      f(s.cond, inLoop)
  }
}

function countUses(body: readonly Stmt[]): Map<Expr, number> {
  const uses = new Map<Expr, number>()
  const count = (x: Expr): void => {
    const n = uses.get(x) ?? 0
    uses.set(x, n + 1)
    if (n > 0) return
    if (x.k === 'load') count(x.at)
    else if (x.k === 'op') x.args.forEach(count)
  }
  for (const s of body) eachExpression(s, count)
  return uses
}
