import { interpret } from '../../interpret/interpret.js'
import { parse } from '../../ir/parse.js'
import { showAval, size } from '../../ir/types.js'
import { fixpoint, mappedOutputs, mappedRegion } from '../../transform/region-vmap.js'
import { inFront } from '../../transform/vmap.js'
import { type AnyTensor, op, type RefArray } from '../op.js'
import * as p from '../prim.js'
import { fail } from '../rules.js'
import { fnCount, inputTypes, operandCount, outputTypes, sameTypes } from './check.js'
import { scanJvp, scanTranspose } from './scan-derivative.js'
import { bindScan, scanParts, sliceType, stackType } from './scan-operands.js'

export const scan = op({
  name: 'scan',
  doc: 'Runs fns[0](consts, carry, slices of xs) → (carry, slices of ys) for each of params.length places of the leading axis of xs, from the last when params.reverse. Operands are consts, carry (params say how many) and xs; results the last carry and ys stacked (lax.scan).',
  infer: (ins, params, fns = []) => {
    fnCount('scan', fns, 1)
    operandCount('scan', ins, [params.consts, params.carry])
    const { consts, carry, xs } = scanParts(ins, params)
    const length = params.length as number
    for (const x of xs)
      if (x.shape[0] !== length) fail(`scan: expected a leading axis of ${length}, got ${showAval(x)}`)
    sameTypes('scan: operands of the body', [...consts, ...carry, ...xs.map(sliceType)], inputTypes(fns[0]))
    const outs = outputTypes(fns[0])
    sameTypes('scan: carry of the body', outs.slice(0, carry.length), carry)
    return [...carry, ...outs.slice(carry.length).map((y) => stackType(y, length))]
  },
  eval: (ins, params, outs, [body] = []) => {
    const { consts, carry, xs } = scanParts(ins, params)
    const length = params.length as number
    const ys = outs.slice(carry.length).map((y) => ({ ...y, data: new Float64Array(size(y.shape)) }))
    let now = carry
    for (let step = 0; step < length; step++) {
      const i = params.reverse ? length - 1 - step : step
      const results = interpret(body, [...consts, ...now, ...xs.map((x) => sliceOf(x, i))])
      now = results.slice(0, carry.length)
      results.slice(carry.length).forEach((y, k) => {
        ys[k].data.set(y.data, i * y.data.length)
      })
    }
    return [...now, ...ys]
  },
  jvp: scanJvp,
  transpose: scanTranspose,
  batch: ({ inputs, batched, size: n, axisName, params, fns: [body] }) => {
    const axis = { size: n, name: axisName }
    const { consts, carry, xs } = scanParts(inputs, params)
    const on = scanParts(batched, params)
    // A value of the carry is mapped when it starts so or becomes so.
    const outputs = (now: readonly boolean[]) => mappedOutputs(body, [...on.consts, ...now, ...on.xs], axis)
    const mapped = fixpoint(on.carry, outputs)
    const made = [...mapped, ...outputs(mapped).slice(carry.length)]
    const init = carry.map((x, i) => (mapped[i] && !on.carry[i] ? inFront(x, n) : x))
    // In sequences and stacks the mapped axis is the second.
    const sequences = xs.map((x, i) => (on.xs[i] ? leadingAxesSwapped(x) : x))
    const step = mappedRegion(body, [...on.consts, ...mapped, ...on.xs], axis, made)
    const outs = bindScan(step, consts, init, sequences, params)
    return {
      outs: outs.map((y, i) => (i >= carry.length && made[i] ? leadingAxesSwapped(y) : y)),
      batched: made,
    }
  },
  kernel: { kind: 'control' },
  samples: [
    ...[false, true].map((reverse) => ({
      inputs: [{ shape: [2] }, { shape: [2] }, { shape: [4, 2] }, { shape: [4] }],
      params: { length: 4, reverse, consts: 1, carry: 1 },
      fns: [
        parse(
          `fn step(%0: f32[2], %1: f32[2], %2: f32[2], %3: f32[]) {
            %4: f32[2] = mul(%0, %1) %5: f32[2] = tanh(%4) %6: f32[2] = add(%5, %2) %7: f32[2] = broadcastInDim(%3) {shape: [2], dims: []}
            %8: f32[2] = mul(%6, %7) %9: f32[2] = exp(%0) return %6, %8, %3, %9 }`,
        ),
      ],
    })),
    // A counter beside a value; nothing to map over.
    {
      inputs: [{ shape: [], dtype: 'i32', values: [1] }, { shape: [3] }],
      params: { length: 3, reverse: false, consts: 0, carry: 2 },
      fns: [
        parse(
          `fn power(%0: i32[], %1: f32[3]) {
            %2: i32[] = constant() {value: 1, dtype: "i32"} %3: i32[] = add(%0, %2) %4: f32[] = cast(%0) {dtype: "f32"}
            %5: f32[3] = broadcastInDim(%4) {shape: [3], dims: []} %6: f32[3] = mul(%1, %5) return %3, %6 }`,
        ),
      ],
    },
    // A sum, and a scan over nothing.
    ...[3, 0].map((length) => ({
      inputs: [{ shape: [2] }, { shape: [length, 2] }],
      params: { length, reverse: false, consts: 0, carry: 1 },
      fns: [parse('fn sum(%0: f32[2], %1: f32[2]) { %2: f32[2] = add(%0, %1) return %2, %0 }')],
    })),
  ],
})

function sliceOf(x: RefArray, i: number): RefArray {
  const type = sliceType(x)
  const n = size(type.shape)
  return { ...type, data: x.data.subarray(i * n, (i + 1) * n) }
}

const leadingAxesSwapped = (x: AnyTensor): AnyTensor =>
  p.transpose(x, [1, 0, ...x.aval.shape.slice(2).map((_, i) => i + 2)])
