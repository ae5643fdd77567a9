import type { Expr, Exprs } from '../expr.js'

/** Makes the function that puts other expressions in the place of some; index arithmetic comes out in its normal form. */
export function rewriter(e: Exprs, to: ReadonlyMap<Expr, Expr>): (x: Expr) => Expr {
  const memo = new Map<Expr, Expr>(to)
  const rewrite = (x: Expr): Expr => {
    const known = memo.get(x)
    if (known) return known
    const y = make(x)
    memo.set(x, y)
    return y
  }
  const make = (x: Expr): Expr => {
    if (x.k === 'lit' || x.k === 'var') return x
    if (x.k === 'load') return e.load(x.buffer, x.t, rewrite(x.at))
    const args = x.args.map(rewrite)
    if (args.every((a, i) => a === x.args[i])) return x
    const by = args[1]?.k === 'lit' ? args[1].value : 0
    if (x.f === 'iadd') return args.reduce(e.iadd)
    if (x.f === 'imul') return e.imul(args[0], by)
    if (x.f === 'idiv') return e.idiv(args[0], by)
    if (x.f === 'imod') return e.imod(args[0], by)
    return e.call(x.f, x.t, args, x.max)
  }
  return rewrite
}

/** Calls `f` with each expression under `roots`, once. */
export function eachExpr(roots: Iterable<Expr>, f: (x: Expr) => void): void {
  const seen = new Set<Expr>()
  const visit = (x: Expr): void => {
    if (seen.has(x)) return
    seen.add(x)
    f(x)
    if (x.k === 'load') visit(x.at)
    else if (x.k === 'op') x.args.forEach(visit)
  }
  for (const x of roots) visit(x)
}

/** Makes the test whether an expression has one of these in it. */
export function dependence(on: ReadonlySet<Expr>): (x: Expr) => boolean {
  const memo = new Map<Expr, boolean>()
  const depends = (x: Expr): boolean => {
    let known = memo.get(x)
    if (known === undefined) {
      known = on.has(x) || (x.k === 'load' ? depends(x.at) : x.k === 'op' && x.args.some(depends))
      memo.set(x, known)
    }
    return known
  }
  return depends
}
