/** The IR: a typed SSA program as plain data. Nothing here knows an op by name. */
import type { DType } from './dtype.js'

export { type DType, isFloat } from './dtype.js'

/** The type of one value: its shape and dtype ("abstract value" in JAX). */
export interface Aval {
  readonly shape: readonly number[]
  readonly dtype: DType
}

/** A place in the user's source: 1-based line and column. */
export interface Loc {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** One SSA value. `id` is unique within its Fn. */
export interface Var {
  readonly id: number
  readonly aval: Aval
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
/** Static parameters of an equation (axes, limits, …): plain JSON, so that it prints, parses and hashes. */
export type Params = { readonly [key: string]: Json }

/** One equation: `outputs = op(inputs; params)`, with where it came from. */
export interface Eqn {
  readonly op: string
  readonly inputs: readonly Var[]
  readonly params: Params
  /** Functions that the op runs (a loop's body, the branches of a conditional): closed, what they read from outside are operands. */
  readonly fns?: readonly Fn[]
  readonly outputs: readonly Var[]
  readonly loc?: Loc
  /** Named scopes joined with '/', '' at the top. */
  readonly scope: string
}

/** A first-order function: every Var is an input or is written once, before it is read. */
export interface Fn {
  readonly name: string
  readonly inputs: readonly Var[]
  readonly eqns: readonly Eqn[]
  readonly outputs: readonly Var[]
}

export const size = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1)
export const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i])
export const showShape = (shape: readonly number[]): string => `[${shape.join(', ')}]`
export const showAval = (a: Aval): string => `${a.dtype}[${a.shape.join(',')}]`
