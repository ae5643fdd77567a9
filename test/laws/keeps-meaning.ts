import { expect } from 'vitest'
import { passes as pipeline } from '../../compiler/compile.js'
import { interpret } from '../../compiler/interpret/interpret.js'
import { print } from '../../compiler/ir/print.js'
import type { Fn } from '../../compiler/ir/types.js'
import { verify } from '../../compiler/ir/verify.js'
import type { AnyTensor, RefArray } from '../../compiler/ops/index.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { inputTensor } from '../../compiler/trace/tensor.js'
import { difference } from '../../stdlib/testing/assert-close.js'
import { refsOf } from '../../stdlib/testing/reference.js'

/** `f` as an Fn on inputs of these shapes, with the arrays it then runs on: the inputs and what it closes over. */
export async function traced(
  f: (...xs: AnyTensor[]) => unknown,
  inputs: readonly RefArray[],
  name = 'f',
): Promise<{ fn: Fn; inputs: RefArray[] }> {
  const { fn, captured } = traceFn(
    f,
    inputs.map(({ shape, dtype }, i) => inputTensor({ shape, dtype }, String(i))),
    name,
  )
  return { fn, inputs: [...inputs, ...(await refsOf(captured))] }
}

/** Each pass, and the compiler's whole list of them in order, gives a valid Fn with the same results, up to the f32 rounding of folded constants. */
export function keepsMeaning(fn: Fn, inputs: readonly RefArray[]): void {
  const want = interpret(fn, inputs)
  const holds = (name: string, after: Fn): void => {
    interpret(verify(after), inputs).forEach((got, i) => {
      const problem = difference(got, want[i], { rtol: 1e-6, atol: 1e-6 })
      if (problem) expect.fail(`${name}: result ${i}: ${problem}\nbefore: ${print(fn)}after: ${print(after)}`)
    })
  }
  for (const [name, pass] of [...new Map(pipeline)]) holds(name, pass(fn))
  let after = fn
  for (const [name, pass] of pipeline) holds(`${name}, in its turn`, (after = pass(after)))
}
