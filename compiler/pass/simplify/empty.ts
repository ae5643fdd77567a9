import { type Eqn, size, type Var } from '../../ir/types.js'
import { opOf } from '../../ops/op.js'
import { type Context, type Rule, repeat, splat } from './rule.js'

const isEmpty = (v: Var): boolean => size(v.aval.shape) === 0

/**
 * Nothing is computed for results without elements, which are a repeated constant of that shape, and what is made of operands without
 * elements is what folding nothing gives: no strategy meets an empty loop.
 */
export const empty: Rule = (eqn, c) => {
  const [out] = eqn.outputs
  if (opOf(eqn.op).kernel.kind === 'control') return undefined
  if (isEmpty(out)) return eqn.op === 'constant' || isRepeated(eqn, c) ? undefined : filled(out, 0, c)
  return eqn.inputs.some(isEmpty) ? ofNothing(eqn, c) : undefined
}

const isRepeated = (eqn: Eqn, c: Context): boolean => eqn.op === 'broadcastInDim' && !!splat(eqn.inputs[0], c)

const filled = (out: Var, value: number, c: Context): Var => {
  const json = Number.isFinite(value) ? value : String(value)
  return repeat(c.make('constant', [], { value: json, dtype: out.aval.dtype }), out.aval.shape, c)
}

function ofNothing({ op, inputs, outputs: [out], params }: Eqn, c: Context): Var | undefined {
  const record = opOf(op)
  switch (record.kernel.kind) {
    case 'reduce': {
      const { dtype } = inputs[0].aval
      const [neutral] = record.eval([{ shape: [0], dtype, data: new Float64Array() }], { axes: [0] }, [
        { shape: [], dtype: out.aval.dtype },
      ])
      return filled(out, neutral.data[0], c)
    }
    case 'dot':
    case 'scatter': {
      // No operand has elements where the result has: sums are 0, the largest of none is -Infinity.
      const operands = inputs.map((v) => ({ ...v.aval, data: new Float64Array() }))
      const [neutral] = record.eval(operands, params, [out.aval])
      return filled(out, neutral.data[0], c)
    }
  }
  if (op === 'pad') return repeat(inputs[1], out.aval.shape, c)
  if (op === 'concat') {
    const rest = inputs.filter((v) => !isEmpty(v))
    return rest.length === 1 ? rest[0] : c.make('concat', rest, params)
  }
  return undefined
}
