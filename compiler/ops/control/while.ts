import { interpret } from '../../interpret/interpret.js'
import { parse } from '../../ir/parse.js'
import { region } from '../../trace/region.js'
import { fixpoint, mappedOutputs, mappedTo } from '../../transform/region-vmap.js'
import { batchFn, inFront } from '../../transform/vmap.js'
import { type AnyTensor, op } from '../op.js'
import * as p from '../prim.js'
import { fnCount, inputTypes, operandCount, outputTypes, sameTypes, typesOf } from './check.js'
import { perExampleMask } from './cond.js'
import { whileJvp } from './while-derivative.js'
import { bindWhile, whileParts } from './while-operands.js'

export const whileOp = op({
  name: 'while',
  doc: 'While fns[0](condConsts, carry) holds, the carry becomes fns[1](bodyConsts, carry). Operands are condConsts, bodyConsts (params say how many) and the carry; results its last value.',
  infer: (ins, params, fns = []) => {
    fnCount('while', fns, 2)
    operandCount('while', ins, [params.condConsts, params.bodyConsts])
    const { condConsts, bodyConsts, carry } = whileParts(ins, params)
    sameTypes('while: operands of the condition', [...condConsts, ...carry], inputTypes(fns[0]))
    sameTypes('while: result of the condition', outputTypes(fns[0]), [{ shape: [], dtype: 'bool' }])
    sameTypes('while: operands of the body', [...bodyConsts, ...carry], inputTypes(fns[1]))
    sameTypes('while: results of the body', outputTypes(fns[1]), carry)
    return carry
  },
  eval: (ins, params, _outs, fns = []) => {
    const { condConsts, bodyConsts, carry } = whileParts(ins, params)
    let now = carry
    while (interpret(fns[0], [...condConsts, ...now])[0].data[0]) now = interpret(fns[1], [...bodyConsts, ...now])
    return now
  },
  jvp: whileJvp,
  transpose: {
    refuses:
      'reverse mode does not go through whileLoop, or foriLoop with traced bounds, whose number of steps is not known: use scan, or foriLoop with numbers as bounds',
  },
  batch: ({ inputs, batched: on, size, axisName, params, fns: [cond, body] }) => {
    const axis = { size, name: axisName }
    const { condConsts, bodyConsts, carry } = whileParts(inputs, params)
    const consts = whileParts(on, params)
    // A value of the carry is mapped when it starts so or becomes so; all are when the condition is.
    const mapped = fixpoint(consts.carry, (now) => {
      const [perExample] = mappedOutputs(cond, [...consts.condConsts, ...now], axis)
      const after = mappedOutputs(body, [...consts.bodyConsts, ...now], axis)
      return after.map((yes) => yes || perExample)
    })
    const [perExample] = mappedOutputs(cond, [...consts.condConsts, ...mapped], axis)
    const init = carry.map((x, i) => (mapped[i] && !consts.carry[i] ? inFront(x, size) : x))
    const condition = (xs: readonly AnyTensor[]): AnyTensor =>
      batchFn(cond, xs, [...consts.condConsts, ...mapped], axis).outs[0]
    const step = (xs: readonly AnyTensor[]): AnyTensor[] =>
      mappedTo(body, xs, [...consts.bodyConsts, ...mapped], axis, mapped)
    // Runs while any example goes on; those that have ended keep their values.
    const going = region(
      (xs) => [perExample ? any(condition(xs)) : condition(xs)],
      typesOf([...condConsts, ...init]),
      cond.name,
    )
    const held = perExample ? condConsts : []
    const moving = region(
      (xs) => {
        const next = step(xs.slice(held.length))
        if (!perExample) return next
        const old = xs.slice(held.length + bodyConsts.length)
        const goes = condition([...xs.slice(0, held.length), ...old])
        return next.map((y, i) => p.select(perExampleMask(goes, y), y, old[i]))
      },
      typesOf([...held, ...bodyConsts, ...init]),
      body.name,
    )
    const outs = bindWhile(going, condConsts, moving, [...held, ...bodyConsts], init)
    return { outs, batched: mapped }
  },
  kernel: { kind: 'control' },
  samples: [
    // Runs about four times, and not at all.
    { low: 5, high: 20 },
    { low: -2, high: -1 },
  ].map((limit) => ({
    inputs: [
      { shape: [], ...limit },
      { shape: [2], low: 1, high: 2 },
      { shape: [2], low: 0.5, high: 1 },
      { shape: [], dtype: 'i32', values: [3] },
    ],
    params: { condConsts: 1, bodyConsts: 1 },
    fns: [
      'fn below(%0: f32[], %1: f32[2], %2: i32[]) { %3: f32[] = reduceSum(%1) {axes: [0]} %4: bool[] = lt(%3, %0) return %4 }',
      'fn grow(%0: f32[2], %1: f32[2], %2: i32[]) { %3: f32[2] = mul(%0, %1) %4: f32[2] = add(%3, %1) %5: i32[] = neg(%2) return %4, %5 }',
    ].map((text) => parse(text)),
  })),
})

const any = (mask: AnyTensor): AnyTensor => {
  const count = p.reduceMax(p.cast(mask, 'i32'), [0])
  return p.gt(count, p.like(count, 0))
}
