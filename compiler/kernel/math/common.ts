import { type Expr, type Exprs, exprs } from '../expr.js'
import type { Stmt } from '../ir.js'
import { eachExpression } from '../lets.js'
import { commonNames, expandCommon } from './expand.js'

/** A kernel's statements with the functions written out that no target has well: the same bits of code for all of them. */
export function writeCommon(body: readonly Stmt[]): readonly Stmt[] {
  const seen = new Set<Expr>()
  const uses = (x: Expr): boolean => {
    if (seen.has(x) || x.k === 'lit' || x.k === 'var') return false
    seen.add(x)
    return x.k === 'load' ? uses(x.at) : commonNames.has(x.f) || x.args.some(uses)
  }
  let found = false
  for (const s of body)
    eachExpression(s, (x) => {
      found ||= uses(x)
    })
  if (!found) return body
  const rebuild = rebuilder(exprs())
  const statement = (s: Stmt): Stmt => {
    switch (s.k) {
      case 'let':
      case 'mutable':
      case 'set':
        return { ...s, value: rebuild(s.value) }
      case 'store':
        return { ...s, at: rebuild(s.at), value: rebuild(s.value) }
      case 'loop':
        return {
          ...s,
          from: s.from && rebuild(s.from),
          count: typeof s.count === 'number' ? s.count : rebuild(s.count),
          body: s.body.map(statement),
        }
      case 'if':
      case 'while':
        return { ...s, cond: rebuild(s.cond), body: s.body.map(statement) }
      case 'exit':
        return { ...s, cond: rebuild(s.cond) }
      case 'barrier':
        return s
    }
  }
  return body.map(statement)
}

/** Copies expressions into `e`, writing functions out. */
function rebuilder(e: Exprs): (x: Expr) => Expr {
  const memo = new Map<Expr, Expr>()
  const rebuild = (x: Expr): Expr => {
    const known = memo.get(x)
    if (known) return known
    let y: Expr
    if (x.k === 'lit') y = e.lit(x.t, x.value)
    else if (x.k === 'var') y = e.variable(x.name, x.t, x.max)
    else if (x.k === 'load') y = e.load(x.buffer, x.t, rebuild(x.at))
    else {
      y = e.call(x.f, x.t, x.args.map(rebuild), x.max)
      if (y.k === 'op') y = expandCommon(e, y)
    }
    memo.set(x, y)
    return y
  }
  return rebuild
}
