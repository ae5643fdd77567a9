import { expect, test } from 'vitest'
import { print } from '../../compiler/ir/print.js'
import * as lang from '../../compiler/lang/index.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { inputTensor, Tensor } from '../../compiler/trace/tensor.js'

const input = () => inputTensor({ shape: [2, 1, 4], dtype: 'f32' }, 'x')
const ir = (f: (x: any) => unknown): string => print(traceFn(f, [input()], 'f').fn).replace(/ +@.*/g, '')

/** Arguments after the tensor, for each method. */
const calls: Record<keyof lang.Fluent, unknown[]> = {
  add: [1],
  sub: [2],
  mul: [3],
  div: [4],
  pow: [0.5],
  neg: [],
  matmul: [lang.ones([4, 3])],
  cast: ['i32'],
  reshape: [[4, -1]],
  flatten: [],
  transpose: [[1, 0, 2]],
  broadcastTo: [[2, 3, 4]],
  expandDims: [1],
  squeeze: [],
  slice: [
    [0, 0, 1],
    [2, 1, 3],
  ],
  at: [0],
}

test.each(Object.entries(calls))('x.%s is the function', (name, rest) => {
  const result = (y: any): unknown => (name === 'at' ? y.get() : y)
  const method = ir((x) => result(x[name](...rest)))
  expect(method).toBe(ir((x) => result((lang as any)[name](x, ...rest))))
  expect(method).toContain('=')
})

test('every method is tried', () => {
  const methods = Object.entries(Object.getOwnPropertyDescriptors(Tensor.prototype)).filter(
    ([name, { value }]) => value && name in lang,
  )
  expect(methods.map(([name]) => name).sort()).toEqual(Object.keys(calls).sort())
})
