import { expect } from 'vitest'
import { interpret } from '../../compiler/interpret/interpret.js'
import type { DType, Fn } from '../../compiler/ir/types.js'
import { size } from '../../compiler/ir/types.js'
import type { AnyTensor, RefArray } from '../../compiler/ops/op.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { inputTensor } from '../../compiler/trace/tensor.js'

/** Elements 0, 1, 2, … or those given. */
export const array = (shape: readonly number[], data?: readonly number[], dtype: DType = 'f32'): RefArray => ({
  shape,
  dtype,
  data: Float64Array.from(data ?? Array.from({ length: size(shape) }, (_, i) => i)),
})

export const traced = (f: (...xs: any[]) => unknown, inputs: readonly RefArray[]): Fn =>
  traceFn(
    f,
    inputs.map(({ shape, dtype }, i) => inputTensor({ shape, dtype }, String(i))),
  ).fn

/** The ops a function traces to. */
export const opsOf = (f: (...xs: any[]) => unknown, ...inputs: RefArray[]): string[] =>
  traced(f, inputs).eqns.map((e) => e.op)

/** Runs a function of tensors in the reference interpreter; the results as shape, dtype and plain numbers. */
export const run = (
  f: (...xs: any[]) => AnyTensor | AnyTensor[],
  ...inputs: RefArray[]
): { shape: readonly number[]; dtype: DType; data: number[] }[] =>
  interpret(traced(f, inputs), inputs).map(({ shape, dtype, data }) => ({ shape, dtype, data: [...data] }))

/** The first result's numbers. */
export const values = (f: (...xs: any[]) => AnyTensor, ...inputs: RefArray[]): number[] => run(f, ...inputs)[0].data

export function close(got: readonly number[], want: readonly number[], digits = 9): void {
  expect(got.length).toBe(want.length)
  got.forEach((v, i) => {
    expect(v).toBeCloseTo(want[i], digits)
  })
}
