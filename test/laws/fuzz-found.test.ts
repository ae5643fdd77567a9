import { afterAll, expect, test } from 'vitest'
import { compile } from '../../compiler/compile.js'
import { held } from '../../compiler/ir/dtype.js'
import { parse } from '../../compiler/ir/parse.js'
import { size } from '../../compiler/ir/types.js'
import type { AnyTensor } from '../../compiler/ops/op.js'
import * as p from '../../compiler/ops/prim.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { inputTensor } from '../../compiler/trace/tensor.js'
import { vjp } from '../../compiler/transform/index.js'
import { destroyDevice, getDevice } from '../../runtime/device.js'
import { onDevice } from '../../stdlib/testing/fuzz/checks.js'
import { checksWithoutDevice } from '../../stdlib/testing/fuzz/fuzz.js'
import { target as software } from '../golden/target.js'

/** Programs that once broke a law, as the fuzzer left them. */
afterAll(destroyDevice)

test.each([
  [
    'a dim outside of what is padded',
    `fn f(%0: f32[1,4,1], %1: f32[]) {
      %2: f32[2,4,4] = pad(%0, %1) {low: [0, 0, 2], high: [1, 0, 1], interior: [0, 0, 0]}
      %3: f32[32] = reshape(%2) {shape: [32]}
      %4: f32[1] = slice(%3) {start: [30], limit: [31], stride: [1]}
      return %4
    }`,
  ],
  [
    'the largest of no rows',
    `fn f(%0: i32[0], %1: f32[0,1], %2: f32[1,1]) {
      %3: f32[1,1] = scatterMin(%2, %0, %1)
      %4: f32[2,1] = segmentMax(%0, %1) {rows: 2}
      return %3, %4
    }`,
  ],
  [
    'a product over nothing, and with a zero',
    `fn f(%0: f32[], %1: f32[3,2]) {
      %2: f32[0,2] = broadcastInDim(%0) {shape: [0, 2], dims: []}
      %3: f32[2] = reduceProd(%2) {axes: [0]}
      %4: f32[2] = reduceProd(%1) {axes: [0]}
      return %3, %4
    }`,
  ],
  [
    'a reshape of no elements',
    `fn f(%0: f32[3]) {
      %1: f32[0] = slice(%0) {start: [3], limit: [3], stride: [1]}
      %2: f32[0,2] = reshape(%1) {shape: [0, 2]}
      return %2
    }`,
  ],
  [
    'a depthwise convolution whose rows end in pieces that overlap',
    `fn f(%0: f32[1,1,1,5], %1: f32[1,1,2,5]) {
      %2: f32[1,1,2,5] = conv(%1, %0) {stride: [1, 2], padding: [[0, 0], [0, 1]], lhsDilation: [1, 1], rhsDilation: [1, 1], groups: 5, flip: false, dimensionNumbers: ["NHWC", "HWIO", "NHWC"]}
      return %2
    }`,
  ],
  [
    'products of u32 past the end of i32',
    `fn f(%0: i32[3]) {
      %2: i32[] = constant() {value: -70001, dtype: "i32"}
      %3: i32[3] = broadcastInDim(%2) {shape: [3], dims: []}
      %4: u32[3] = cast(%3) {dtype: "u32"}
      %5: u32[2] = segmentProd(%0, %4) {rows: 2}
      %6: u32[] = reduceProd(%4) {axes: [0]}
      %7: i32[] = reduceProd(%3) {axes: [0]}
      return %5, %6, %7
    }`,
  ],
  [
    'the logarithm of a gamma function where it is 0',
    `fn f(%0: f32[2]) {
      %1: f32[] = constant() {value: 1, dtype: "f32"}
      %2: f32[] = logGamma(%1)
      %3: f32[] = logGamma(%2)
      %4: f32[2] = broadcastInDim(%3) {shape: [2], dims: []}
      return %4
    }`,
  ],
  [
    'reading at places that reductions side by side have found',
    `fn f(%0: f32[3,9], %1: f32[3]) {
      %2: i32[9] = argmax(%0) {axis: 0}
      %3: f32[9] = gather(%1, %2)
      return %3
    }`,
  ],
])('%s', async (_name, text) => {
  const fn = parse(text)
  const inputs = fn.inputs.map(({ aval }) => ({
    ...aval,
    data: Float64Array.from({ length: size(aval.shape) }, (_, i) => held([0, 1.5, -0.5][i % 3], aval.dtype)),
  }))
  for (const check of [...checksWithoutDevice, ...onDevice(await getDevice())])
    expect(await check.run({ fn, inputs }), check.name).toBeUndefined()
})

// Exponential, it would take longer than the longest test may.
test('compiling is not exponential in the levels of a tree of slices', () => {
  const target = { ...software, class: 'cpu', wasm: { relaxed: false, shared: false } } as const
  const product = (x: AnyTensor): AnyTensor => p.reduceProd(x, [0])
  const slope = (x: AnyTensor): unknown => vjp(product, x)[1](p.constant(1))
  const { fn } = traceFn(slope, [inputTensor({ shape: [4096], dtype: 'f32' }, 'x')])
  expect(compile(fn, target).dispatches.length).toBeGreaterThan(0)
})
