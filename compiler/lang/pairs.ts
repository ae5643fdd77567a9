import { showShape } from '../ir/types.js'
import type { AnyTensor } from '../types/operand.js'
import { fail } from './fail.js'

/** Axes of two operands, taken in pairs, are there and of one size. */
export function checkPairs(
  op: string,
  what: string,
  x: AnyTensor,
  y: AnyTensor,
  left: readonly number[],
  right: readonly number[],
): void {
  const [s, t] = [x.aval.shape, y.aval.shape]
  left.forEach((i, n) => {
    const j = right[n]
    if (j === undefined) fail('shape', `${op}: ${what} axes differ in number`)
    if (!(i in s)) fail('shape', `${op}: axis ${i} is out of range for ${showShape(s)}`)
    if (!(j in t)) fail('shape', `${op}: axis ${j} is out of range for ${showShape(t)}`)
    if (s[i] !== t[j])
      fail('shape', `${op}: ${what} dims differ: ${s[i]} vs ${t[j]} in ${showShape(s)} x ${showShape(t)}`)
  })
  if (right.length > left.length) fail('shape', `${op}: ${what} axes differ in number`)
}
