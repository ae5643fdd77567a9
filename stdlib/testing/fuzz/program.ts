import '../../../compiler/ops/index.js'
import { interpret } from '../../../compiler/interpret/interpret.js'
import { print } from '../../../compiler/ir/print.js'
import type { Fn } from '../../../compiler/ir/types.js'
import { isFloat, size } from '../../../compiler/ir/types.js'
import type { AnyTensor, RefArray } from '../../../compiler/ops/op.js'
import { traceFn } from '../../../compiler/trace/collect.js'
import { inputTensor } from '../../../compiler/trace/tensor.js'
import { jvpFn } from '../../../compiler/transform/jvp.js'
import { refsOf } from '../reference.js'

/** A function as IR, and the arrays that it runs on. */
export interface RandomProgram {
  readonly fn: Fn
  readonly inputs: readonly RefArray[]
}

/** The function of a program on tensors. */
export const call = (fn: Fn, xs: readonly AnyTensor[]): AnyTensor[] =>
  jvpFn(
    fn,
    xs,
    xs.map(() => null),
  ).outs

/** `f` traced on inputs of these shapes, as a program that runs on them. */
export async function programOf(
  f: (...xs: AnyTensor[]) => readonly AnyTensor[],
  inputs: readonly RefArray[],
  name: string,
): Promise<RandomProgram> {
  const { fn, captured } = traceFn(
    f,
    inputs.map(({ shape, dtype }, i) => inputTensor({ shape, dtype }, String(i))),
    name,
  )
  return { fn, inputs: [...inputs, ...(await refsOf(captured))] }
}

export const run = ({ fn, inputs }: RandomProgram): RefArray[] => interpret(fn, inputs)

/** The program's IR, and below it the arrays that it takes. */
export function show({ fn, inputs }: RandomProgram): string {
  const arrays = inputs.map((x, i) => `%${i} = ${elements(x)}\n`)
  return `${print(fn, { places: false })}${arrays.join('')}`
}

function elements({ shape, dtype, data }: RefArray): string {
  const shown = Array.from(data.subarray(0, 24), (x) =>
    Object.is(x, -0) ? '-0' : String(isFloat(dtype) ? short(x) : x),
  )
  const rest = size(shape) > shown.length ? [`… ${size(shape)} elements`] : []
  return shape.length ? `[${[...shown, ...rest].join(', ')}]` : shown[0]
}
const short = (x: number): number => Number(x.toPrecision(9))
