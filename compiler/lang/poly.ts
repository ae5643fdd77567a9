import type { Poly } from '../types/poly.js'

/**
 * Makes a function polymorphic in the dims its signature names: inside `f` a name equals only itself; outside, each call binds
 * names to the arguments' dims, and a name bound to two sizes is an error. Returns `f` itself.
 *
 * @example
 * const linear = poly((x: Tensor<['B', 'D']>, w: Tensor<['D', 'E']>): Tensor<['B', 'E']> => matmul(x, w))
 */
export const poly = <P extends readonly any[], R>(f: (...args: P) => R): Poly<P, R> => f as never
