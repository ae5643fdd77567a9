import { interpret } from '../../interpret/interpret.js'
import { parse } from '../../ir/parse.js'
import { type Fn, showAval } from '../../ir/types.js'
import { FoveaError } from '../../trace/error.js'
import { joined } from '../../trace/region.js'
import { bind } from '../../trace/tensor.js'
import { mappedOutputs, mappedRegion, mappedTo } from '../../transform/region-vmap.js'
import { type AnyTensor, op } from '../op.js'
import * as p from '../prim.js'
import { fail } from '../rules.js'
import { inputTypes, outputTypes, sameTypes } from './check.js'
import { condJvp, condTranspose } from './cond-derivative.js'

export const cond = op({
  name: 'cond',
  doc: 'Runs one of fns, that which operand 0 (i32[]) names, on the other operands. A number outside 0 … n-1 names the nearest (lax.switch).',
  infer: ([index, ...operands], _params, fns = []) => {
    if (!fns.length) fail('cond: expected at least one function')
    if (index.dtype !== 'i32' || index.shape.length)
      throw new FoveaError('dtype', `cond: expected an index i32[], got ${showAval(index)}`)
    for (const fn of fns) {
      sameTypes('cond: operands', operands, inputTypes(fn))
      sameTypes('cond: results', outputTypes(fn), outputTypes(fns[0]))
    }
    return outputTypes(fns[0])
  },
  eval: ([index, ...operands], _params, _outs, fns = []) =>
    interpret(fns[Math.min(Math.max(index.data[0], 0), fns.length - 1)], operands),
  jvp: condJvp,
  transpose: condTranspose,
  batch: ({ inputs: [index, ...operands], batched: [perExample, ...on], size, axisName, fns }) => {
    const axis = { size, name: axisName }
    const batched = fns.map((fn) => mappedOutputs(fn, on, axis)).reduce((a, b) => a.map((yes, i) => yes || b[i]))
    if (!perExample) {
      const branches = joined(fns.map((fn) => mappedRegion(fn, on, axis, batched)))
      return { outs: bind(cond, [index, ...branches.captured, ...operands], {}, branches.fns), batched }
    }
    // Every branch for every example; the last whose number is not beyond the index is taken, so that indices outside are clamped.
    const all = batched.map(() => true)
    const results = fns.map((fn) => mappedTo(fn, operands, on, axis, all))
    return results.reduce((taken, outs, k) =>
      taken.map((y, i) => p.select(perExampleMask(p.ge(index, p.like(index, k)), outs[i]), outs[i], y)),
    )
  },
  kernel: { kind: 'control' },
  samples: [0, 1, 7, -1].map((index) => ({
    inputs: [{ shape: [], dtype: 'i32', values: [index] } as const, { shape: [2, 3] }, { shape: [3] }],
    fns: branches(),
  })),
})

/** [n] spread over y's shape [n, …]. */
export const perExampleMask = (mask: AnyTensor, y: AnyTensor): AnyTensor => p.broadcastInDim(mask, y.aval.shape, [0])

function branches(): Fn[] {
  return [
    'fn sine(%0: f32[2,3], %1: f32[3]) { %2: f32[2,3] = sin(%0) return %2, %1 }',
    'fn product(%0: f32[2,3], %1: f32[3]) { %2: f32[2,3] = broadcastInDim(%1) {shape: [2, 3], dims: [1]} %3: f32[2,3] = mul(%0, %2) %4: f32[3] = exp(%1) return %3, %4 }',
    'fn constant(%0: f32[2,3], %1: f32[3]) { %2: f32[] = constant() {value: 2, dtype: "f32"} %3: f32[3] = broadcastInDim(%2) {shape: [3], dims: []} return %0, %3 }',
  ].map((text) => parse(text))
}
