import { builder } from '../ir/build.js'
import type { Aval, Eqn, Fn, Params, Var } from '../ir/types.js'

/** A loop's body as a function of memory that every turn changes. */
export interface Turn {
  /** (consts, what changes) → what changes, without the `kept`. */
  readonly fn: Fn
  readonly consts: readonly Var[]
  readonly changes: readonly Change[]
}

/** A value that a loop changes. */
export interface Change {
  /** What it is before the first turn; 'zero', or 'nothing' when all of it is written before it is read. */
  readonly init: Var | 'zero' | 'nothing'
  /** What it is after the last; a new value where the equation has no result for it. */
  readonly out: Var
  /** Every turn leaves it as it is. */
  readonly kept: boolean
}

/**
 * A scan's body as a turn of a loop: it counts the turns itself, takes its slices of xs, and writes its slices of ys where
 * they go. Stacks for which `wanted` is false are left out.
 */
export function scanTurn(eqn: Eqn, wanted: (v: Var) => boolean): Turn {
  if (eqn.params.length === 0) return noTurn(eqn)
  const [body] = eqn.fns!
  const { consts, carry, length, reverse } = eqn.params as {
    consts: number
    carry: number
    length: number
    reverse: boolean
  }
  const end = consts + carry
  const stacked = eqn.outputs.flatMap((v, i) => (i >= carry && wanted(v) ? [i] : []))
  let id = 1 + Math.max(-1, ...body.inputs.map((v) => v.id), ...body.eqns.flatMap((q) => q.outputs.map((v) => v.id)))
  const input = (aval: Aval): Var => ({ id: id++, aval })
  const xs = eqn.inputs.slice(end).map((v) => input(v.aval))
  const ys = stacked.map((i) => input(eqn.outputs[i].aval))
  // Who takes and leaves nothing by number needs no number.
  const counted = xs.length + ys.length > 0
  const count = input({ shape: [], dtype: 'i32' })
  const b = builder({
    ...body,
    inputs: [
      ...body.inputs.slice(0, consts),
      ...xs,
      ...body.inputs.slice(consts, end),
      ...ys,
      ...(counted ? [count] : []),
    ],
  })
  const push = (op: string, inputs: readonly Var[], params: Params = {}): Var => {
    const made = b.make(op, inputs, params, { loc: eqn.loc, scope: eqn.scope })
    b.push(made)
    return made.outputs[0]
  }
  const constant = (value: number): Var => push('constant', [], { value, dtype: 'i32' })
  const zero = constant(0)
  const at = counted && reverse ? push('sub', [constant(length - 1), count]) : count
  const starts = ({ aval }: Var): Var[] => aval.shape.map((_, d) => (d === 0 ? at : zero))
  xs.forEach((x, i) => {
    const inner = body.inputs[end + i]
    const row = push('dynamicSlice', [x, ...starts(x)], { sizes: [1, ...inner.aval.shape] })
    b.replace(inner, push('reshape', [row], { shape: inner.aval.shape }))
  })
  for (const q of body.eqns) b.push(b.update(q))
  const results = body.outputs.map(b.read)
  const changed = body.outputs.slice(0, carry).map((v, i) => v !== body.inputs[consts + i])
  const stacks = stacked.map((i, k) => {
    const row = push('reshape', [results[i]], { shape: [1, ...results[i].aval.shape] })
    return push('dynamicUpdateSlice', [ys[k], row, ...starts(ys[k])])
  })
  const next = counted ? [push('add', [count, constant(1)])] : []
  const fn = b.finish()
  return {
    fn: { ...fn, outputs: [...results.slice(0, carry).filter((_, i) => changed[i]), ...stacks, ...next] },
    consts: [...eqn.inputs.slice(0, consts), ...eqn.inputs.slice(end)],
    changes: [
      ...eqn.inputs.slice(consts, end).map((init, i): Change => ({ init, out: eqn.outputs[i], kept: !changed[i] })),
      ...stacked.map((i): Change => ({ init: 'nothing', out: eqn.outputs[i], kept: false })),
      ...next.map(({ aval }): Change => ({ init: 'zero', out: { id: -1, aval }, kept: false })),
    ],
  }
}

/** Of a scan over nothing: what it carries stays, and there is nothing to stack. */
function noTurn({ inputs, outputs, params }: Eqn): Turn {
  const { consts, carry } = params as { consts: number; carry: number }
  const changes = outputs.map(
    (out, i): Change => ({ init: i < carry ? inputs[consts + i] : 'nothing', out, kept: true }),
  )
  return { fn: { name: 'nothing', inputs: outputs, eqns: [], outputs: [] }, consts: [], changes }
}

/** A while's condition and body. */
export function whileTurn(eqn: Eqn): { cond: Fn; condConsts: readonly Var[]; body: Turn } {
  const [cond, body] = eqn.fns!
  const { condConsts: c, bodyConsts: n } = eqn.params as { condConsts: number; bodyConsts: number }
  const changed = body.outputs.map((v, i) => v !== body.inputs[n + i])
  return {
    cond,
    condConsts: eqn.inputs.slice(0, c),
    body: {
      fn: { ...body, outputs: body.outputs.filter((_, i) => changed[i]) },
      consts: eqn.inputs.slice(c, c + n),
      changes: eqn.inputs.slice(c + n).map((init, i) => ({ init, out: eqn.outputs[i], kept: !changed[i] })),
    },
  }
}
