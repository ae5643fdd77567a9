import { expect, test } from 'vitest'
import { parse } from '../../compiler/ir/parse.js'
import { print } from '../../compiler/ir/print.js'
import type { Fn } from '../../compiler/ir/types.js'
import { verify } from '../../compiler/ir/verify.js'
import '../../compiler/ops/index.js'
import type { AnyTensor } from '../../compiler/ops/op.js'
import * as p from '../../compiler/ops/prim.js'
import { cse } from '../../compiler/pass/cse.js'
import { dce } from '../../compiler/pass/dce.js'
import { simplify } from '../../compiler/pass/simplify.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { namedScope } from '../../compiler/trace/source.js'
import { inputTensor } from '../../compiler/trace/tensor.js'
import { valueAndGrad } from '../../compiler/transform/index.js'

/** The IR of small programs, stage by stage. `vitest run test/golden -u` rewrites the fixtures; read the difference. */
interface Layer {
  readonly w: AnyTensor
  readonly b: AnyTensor
}

const dense = ({ w, b }: Layer, x: AnyTensor): AnyTensor => {
  const y = p.dotGeneral(x, w, { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] })
  return p.add(y, p.broadcastInDim(b, y.aval.shape, [1]))
}
function mlp(layer: Layer, x: AnyTensor): AnyTensor {
  return namedScope('mlp', () => p.tanh(dense(layer, x)))
}
function meanSquare(layer: Layer, x: AnyTensor): AnyTensor {
  const y = mlp(layer, x)
  return p.mul(p.sumAll(p.pow(y, p.like(y, 2))), p.constant(1 / 12))
}

const f32 = (...shape: number[]): AnyTensor => inputTensor({ shape, dtype: 'f32' }, '')
const args = [{ w: f32(2, 3), b: f32(3) }, f32(4, 2)]
const stages = (fn: Fn): string => {
  const simple = dce(cse(simplify(verify(fn))))
  return `traced\n${print(fn, { places: false })}\nsimplified\n${print(verify(simple), { places: false })}`
}

test('forward', async () => {
  await expect(stages(traceFn(mlp, args).fn)).toMatchFileSnapshot('fixtures/ir-mlp.txt')
})

test('value and gradient', async () => {
  await expect(stages(traceFn(valueAndGrad(meanSquare as never), args, 'meanSquare').fn)).toMatchFileSnapshot(
    'fixtures/ir-mlp-grad.txt',
  )
})

test('every equation says which line and scope it comes from', () => {
  const text = print(traceFn(mlp, args).fn)
  const [line] = text.split('\n').filter((l) => l.includes('tanh'))
  expect(line).toMatch(/ {3}@\S*ir\.test\.ts:\d+:\d+ #mlp$/)
  expect(print(parse(text))).toBe(text)
})
