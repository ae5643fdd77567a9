import { type Eqn, sameShape, size, type Var } from '../../ir/types.js'
import { opOf } from '../../ops/op.js'
import { type Context, ints, type Rule, repeat, splat } from './rule.js'

/** Views that do nothing go; a view of a view becomes one; a view of a repeated constant repeats the constant. */
export const views: Rule = (eqn, c) => {
  const [x] = eqn.inputs
  switch (eqn.op) {
    case 'reshape':
      return identity(eqn) ?? constantView(eqn, c) ?? reshape(eqn, c)
    case 'transpose':
      return (increasing(ints(eqn.params.permutation)) ? x : undefined) ?? constantView(eqn, c) ?? transpose(eqn, c)
    case 'broadcastInDim':
      return identity(eqn) ?? broadcast(eqn, c)
    case 'slice':
      return identity(eqn) ?? constantView(eqn, c)
    case 'concat':
      return eqn.inputs.length === 1 ? x : undefined
    default:
      return emptyReduction(eqn)
  }
}

/** An equal shape says that every element of a reshape, broadcast or slice is where it was. */
const identity = ({ inputs: [x], outputs: [y] }: Eqn): Var | undefined =>
  sameShape(x.aval.shape, y.aval.shape) ? x : undefined

function constantView({ inputs: [x], outputs: [y] }: Eqn, c: Context): Var | undefined {
  const constant = splat(x, c)
  return constant && repeat(constant.outputs[0], y.aval.shape, c)
}

function emptyReduction(eqn: Eqn): Var | undefined {
  const reduces = opOf(eqn.op).kernel.kind === 'reduce'
  return reduces && ints(eqn.params.axes).length === 0 ? eqn.inputs[0] : undefined
}

function reshape({ inputs: [x], outputs: [y] }: Eqn, c: Context): Var | undefined {
  const from = c.definition(x)
  if (from?.op !== 'reshape' && !(from?.op === 'broadcastInDim' && repeatsNothing(from))) return undefined
  return c.make('reshape', [from.inputs[0]], { shape: y.aval.shape })
}
const repeatsNothing = ({ inputs: [x], outputs: [y] }: Eqn): boolean => size(x.aval.shape) === size(y.aval.shape)

function transpose({ inputs: [x], outputs: [y], params }: Eqn, c: Context): Var | undefined {
  const outer = ints(params.permutation)
  const from = c.definition(x)
  if (from?.op === 'transpose') {
    const inner = ints(from.params.permutation)
    return c.make('transpose', [from.inputs[0]], { permutation: outer.map((i) => inner[i]) })
  }
  if (from?.op === 'broadcastInDim') {
    const dims = ints(from.params.dims).map((d) => outer.indexOf(d))
    if (increasing(dims)) return c.make('broadcastInDim', [from.inputs[0]], { shape: y.aval.shape, dims })
  }
  return undefined
}

function broadcast({ inputs: [x], outputs: [y], params }: Eqn, c: Context): Var | undefined {
  const outer = ints(params.dims)
  const from = c.definition(x)
  if (from?.op === 'broadcastInDim') {
    const dims = ints(from.params.dims).map((d) => outer[d])
    return c.make('broadcastInDim', [from.inputs[0]], { shape: y.aval.shape, dims })
  }
  if (from?.op === 'reshape') {
    // A reshape that only adds dims of size 1 (a reduction that keeps its dims) is part of the broadcast.
    const [source] = from.inputs
    const wide = outer.filter((_, i) => x.aval.shape[i] !== 1)
    const same = sameShape(
      source.aval.shape,
      x.aval.shape.filter((d) => d !== 1),
    )
    if (same) return c.make('broadcastInDim', [source], { shape: y.aval.shape, dims: wide })
  }
  return undefined
}

const increasing = (xs: readonly number[]): boolean => xs.every((x, i) => i === 0 || xs[i - 1] < x)
