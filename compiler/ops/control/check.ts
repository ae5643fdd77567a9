import { type Aval, type Fn, showAval } from '../../ir/types.js'
import { sameAval } from '../../ir/verify.js'
import { fail } from '../rules.js'

/** Types of values that a function of an equation takes or gives, against those expected. */
export function sameTypes(what: string, got: readonly Aval[], expected: readonly Aval[]): void {
  if (got.length !== expected.length || got.some((a, i) => !sameAval(a, expected[i])))
    fail(`${what}: expected (${expected.map(showAval).join(', ')}), got (${got.map(showAval).join(', ')})`)
}

export function fnCount(name: string, fns: readonly Fn[], count: number): void {
  if (fns.length !== count) fail(`${name}: expected ${count} functions, got ${fns.length}`)
}

/** How many operands are what, which params say. */
export function operandCount(name: string, ins: readonly Aval[], counts: readonly unknown[]): void {
  const known = counts.every((n) => Number.isInteger(n) && (n as number) >= 0)
  if (!known || (counts as number[]).reduce((a, b) => a + b, 0) > ins.length)
    fail(`${name}: expected at least ${counts.join(' + ')} operands, got ${ins.length}`)
}

export const inputTypes = (fn: Fn): Aval[] => fn.inputs.map((v) => v.aval)
export const outputTypes = (fn: Fn): Aval[] => fn.outputs.map((v) => v.aval)
export const typesOf = (xs: readonly { readonly aval: Aval }[]): Aval[] => xs.map((x) => x.aval)
