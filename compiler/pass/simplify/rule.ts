import type { Eqn, Json, Params, Var } from '../../ir/types.js'

export interface Context {
  /** The equation that writes `v`; undefined for an input. */
  definition(v: Var): Eqn | undefined
  /** The result of an op, simplified and added in front of the equation being rewritten. */
  make(op: string, inputs: readonly Var[], params?: Params): Var
}

/** What the result of an equation is instead; undefined when the rule has nothing to say. */
export type Rule = (eqn: Eqn, c: Context) => Var | undefined

/** The operands of `v` when `op` writes it. */
export const operandsOf = (v: Var, op: string, c: Context): readonly Var[] | undefined => {
  const eqn = c.definition(v)
  return eqn?.op === op ? eqn.inputs : undefined
}

/** The `constant` equation whose value every element of `v` has. */
export function splat(v: Var, c: Context): Eqn | undefined {
  const eqn = c.definition(v)
  if (eqn?.op === 'constant') return eqn
  const source = eqn?.op === 'broadcastInDim' ? c.definition(eqn.inputs[0]) : undefined
  return source?.op === 'constant' ? source : undefined
}

/** `scalar` repeated to a shape. */
export const repeat = (scalar: Var, shape: readonly number[], c: Context): Var =>
  shape.length ? c.make('broadcastInDim', [scalar], { shape, dims: [] }) : scalar

export const ints = (value: Json): readonly number[] => value as readonly number[]
