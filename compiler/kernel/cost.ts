import type { Expr } from './expr.js'
import type { Stmt } from './ir.js'

/** What operations take in instructions, where it isn't one. */
export const instructions: Readonly<Record<string, number>> = {
  exp: 14,
  log: 18,
  tanh: 22,
  erf: 26,
  sin: 20,
  cos: 20,
  pow: 40,
  logistic: 20,
  exp2: 14,
  expm1: 18,
  log1p: 22,
  tan: 25,
  asin: 20,
  acos: 20,
  atan: 20,
  atan2: 25,
  sinh: 25,
  cosh: 20,
  asinh: 35,
  acosh: 35,
  atanh: 30,
  cbrt: 30,
  erfc: 35,
  erfInv: 45,
  logGamma: 80,
  digamma: 70,
  div: 4,
  sqrt: 5,
  rsqrt: 8,
  max: 3,
  min: 3,
}

/** About how many instructions a kernel's item takes; equal parts of a statement count once. */
export function costOf(body: readonly Stmt[]): number {
  let sum = 0
  for (const s of body) {
    const seen = new Set<Expr>()
    const cost = (x: Expr): number => {
      if (x.k === 'lit' || x.k === 'var' || seen.has(x)) return 0
      seen.add(x)
      const parts = x.k === 'load' ? [x.at] : x.args
      return parts.reduce((n, a) => n + cost(a), x.k === 'load' ? 1 : (instructions[x.f] ?? 1))
    }
    switch (s.k) {
      case 'let':
      case 'mutable':
      case 'set':
        sum += cost(s.value)
        break
      case 'store':
        sum += 1 + cost(s.at) + cost(s.value)
        break
      case 'loop':
        sum += 1 + turns(s) * (1 + costOf(s.body))
        break
      case 'while':
        // How often is not known before it runs.
        sum += 16 * (cost(s.cond) + costOf(s.body))
        break
      case 'if':
        sum += cost(s.cond) + costOf(s.body)
        break
      case 'exit':
        sum += cost(s.cond)
        break
      case 'barrier':
    }
  }
  return Math.max(1, sum)
}

/** Turns of a loop, or the most there can be. */
function turns({ from, count }: Stmt & { k: 'loop' }): number {
  const most = typeof count === 'number' ? count : count.max < 0xffffffff ? count.max : 64
  return Math.max(0, most - (from?.k === 'lit' ? from.value : 0))
}
