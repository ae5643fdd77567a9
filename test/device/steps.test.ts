import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compile } from '../../compiler/compile.js'
import { interpret } from '../../compiler/interpret/interpret.js'
import { parse } from '../../compiler/ir/parse.js'
import type { Program, Step } from '../../compiler/ir/program.js'
import type { Fn } from '../../compiler/ir/types.js'
import { size } from '../../compiler/ir/types.js'
import type { RefArray } from '../../compiler/ops/index.js'
import { type ArrayStorage, hostArray } from '../../runtime/array.js'
import { type CpuDevice, openCpu } from '../../runtime/cpu/device.js'
import { findFeatures } from '../../runtime/cpu/features.js'
import { host } from '../../runtime/cpu/node.js'
import { type Device, destroyDevice, getDevice } from '../../runtime/device.js'
import { load } from '../../runtime/executable.js'
import type { WebgpuDevice } from '../../runtime/webgpu/device.js'
import { drawInputs } from '../laws/sample.js'

/** Control flow written in the IR's text form, on the device against the reference interpreter. */
let device: Device
beforeAll(async () => {
  device = await getDevice()
})
afterAll(destroyDevice)

/** Takes the ground away under a device. */
const lose = (lost: Device): unknown =>
  lost.target.class === 'cpu' ? (lost as CpuDevice).engine.end() : (lost as WebgpuDevice).gpu.destroy()

const arrays = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint8Array } as const
const onHost = ({ data, shape, dtype }: RefArray): ArrayStorage =>
  hostArray(arrays[dtype as 'f32'].from(data), [...shape], dtype)
/** Inputs as given by number, the others drawn. */
const draw = (fn: Fn, values: Record<number, number>): RefArray[] =>
  drawInputs(
    {
      inputs: fn.inputs.map(({ aval }, i) => ({
        ...aval,
        ...(i in values && { values: Array(size(aval.shape)).fill(values[i]) }),
      })),
    },
    1,
  )

interface Ran {
  readonly program: Program
  readonly submits: number
  readonly outputs: readonly (readonly number[])[]
}
async function run(text: string, values: Record<number, number> = {}, on: Device = device): Promise<Ran> {
  const fn = parse(text)
  const inputs = draw(fn, values)
  const program = compile(fn, on.target, { verify: true })
  const executable = await load(on, program)
  const given = inputs.map(onHost)
  const { submits } = on.stats
  const results = await executable.run(given)
  const made = on.stats.submits - submits
  const outputs: number[][] = []
  for (const y of results) outputs.push([...(await y.read())])
  const want = interpret(fn, inputs)
  outputs.forEach((y, i) => {
    y.forEach((x, k) => {
      const w = want[i].data[k]
      if (!(Math.abs(x - w) <= 2e-4 * (1 + Math.abs(w)))) expect.fail(`result ${i}, element ${k}: ${x}, not ${w}`)
    })
  })
  executable.dispose()
  return { program, submits: made, outputs }
}

/** h ← tanh(x W + h), with sums of h and a stack of it. */
const rnn = (batch: number, width: number, steps: number, reverse = false): string => `
  fn rnn(%0: f32[${width},${width}], %1: f32[${batch},${width}], %2: f32[${steps},${batch},${width}]) {
    %3: f32[${batch},${width}], %4: f32[${steps},${batch},${width}], %5: f32[${steps}] = scan(%0, %1, %2) {length: ${steps}, reverse: ${reverse}, consts: 1, carry: 1} [
      fn step(%0: f32[${width},${width}], %1: f32[${batch},${width}], %2: f32[${batch},${width}]) {
        %3: f32[${batch},${width}] = dotGeneral(%1, %0) {lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: []}
        %4: f32[${batch},${width}] = add(%3, %2)
        %5: f32[${batch},${width}] = tanh(%4)
        %6: f32[] = reduceSum(%5) {axes: [0, 1]}
        return %5, %5, %6
      }
    ]
    return %3, %4, %5
  }`

const flat = (steps: readonly Step[] = []): number[] =>
  steps.flatMap((s) =>
    typeof s === 'number'
      ? [s]
      : flat(s.kind === 'loop' ? s.body : s.kind === 'while' ? [...s.cond, ...s.body] : s.branches.flat()),
  )

describe('a scan', () => {
  test.each([false, true])('carries and stacks, reverse %s', async (reverse) => {
    const { program, submits } = await run(rnn(3, 8, 20, reverse))
    expect(submits).toBe(1)
    expect(flat(program.steps).length).toBe(program.dispatches.length)
  })

  test('of any length is one compilation: as many kernels and dispatches for 1000 turns as for 10', async () => {
    const [short, long] = [await run(rnn(2, 4, 10)), await run(rnn(2, 4, 1000))]
    expect(long.program.dispatches.length).toBe(short.program.dispatches.length)
    expect(long.program.kernels.length).toBe(short.program.kernels.length)
    expect(long.program.memory.tempBytes).toBe(short.program.memory.tempBytes)
    expect(long.submits).toBeLessThanOrEqual(2)
  })

  test('with large kernels, which threads share', async () => {
    const { outputs } = await run(rnn(64, 128, 6), { 0: 0.02 })
    if (device.target.class !== 'cpu') return
    const features = await findFeatures()
    const modes = [
      { threads: 1, shared: true },
      { threads: 2, shared: true },
      { threads: 5, shared: true },
      { threads: 1, shared: false },
    ]
    for (const { threads, shared } of modes) {
      const own = await openCpu({ host, features: { ...features, shared }, threads }, () => {})
      try {
        for (let i = 0; i < 6; i++) expect((await run(rnn(64, 128, 6), { 0: 0.02 }, own)).outputs).toEqual(outputs)
      } finally {
        await own.destroy()
      }
    }
  })

  test('of values that change places, and of one that stays', async () => {
    await run(`fn f(%0: f32[3], %1: f32[3], %2: f32[2]) {
      %3: f32[3], %4: f32[3], %5: f32[2] = scan(%0, %1, %2) {length: 5, reverse: false, consts: 0, carry: 3} [
        fn swap(%0: f32[3], %1: f32[3], %2: f32[2]) { %3: f32[3] = sin(%0) return %1, %3, %2 }
      ]
      %6: f32[3] = add(%3, %0)
      return %6, %4, %5
    }`)
  })

  test('whose operands are each other and are read again', async () => {
    await run(`fn f(%0: f32[3]) {
      %1: f32[3] = exp(%0)
      %2: f32[3], %3: f32[3] = scan(%1, %1, %1) {length: 3, reverse: false, consts: 1, carry: 2} [
        fn step(%0: f32[3], %1: f32[3], %2: f32[3]) { %3: f32[3] = add(%1, %0) %4: f32[3] = mul(%2, %1) return %3, %4 }
      ]
      %4: f32[3] = sub(%3, %1)
      return %2, %4
    }`)
  })

  test('that updates windows at places it counts itself: readers of old values come first, in an order that is possible', async () => {
    await run(
      `fn f(%0: i32[], %1: f32[4,6], %2: f32[4,6]) {
      %3: i32[], %4: f32[4,6], %5: f32[4,6], %6: f32[3,4,6] = scan(%1, %0, %2, %2) {length: 3, reverse: false, consts: 1, carry: 3} [
        fn body(%0: f32[4,6], %1: i32[], %2: f32[4,6], %3: f32[4,6]) {
          %4: i32[] = constant() {value: 1, dtype: "i32"}
          %5: i32[] = add(%1, %4)
          %6: f32[4,6] = sin(%3)
          %7: i32[] = constant() {value: 0, dtype: "i32"}
          %8: f32[2,3] = dynamicSlice(%6, %1, %7) {sizes: [2, 3]}
          %9: f32[2,3] = sin(%8)
          %10: f32[4,6] = dynamicUpdateSlice(%0, %9, %1, %4)
          %11: f32[1,1] = dynamicSlice(%2, %1, %7) {sizes: [1, 1]}
          %12: f32[4,6] = dynamicUpdateSlice(%0, %11, %1, %4)
          %13: f32[2,3] = dynamicSlice(%12, %1, %7) {sizes: [2, 3]}
          %14: f32[4,6] = dynamicUpdateSlice(%2, %13, %5, %4)
          return %5, %10, %14, %10
        }
      ]
      return %3, %4, %5, %6
    }`,
      { 0: 0 },
    )
  })

  test('in a scan', async () => {
    await run(`fn f(%0: f32[2], %1: f32[3,4,2]) {
      %2: f32[2], %3: f32[3,4,2] = scan(%0, %1) {length: 3, reverse: true, consts: 0, carry: 1} [
        fn outer(%0: f32[2], %1: f32[4,2]) {
          %2: f32[2], %3: f32[4,2] = scan(%0, %1) {length: 4, reverse: false, consts: 0, carry: 1} [
            fn inner(%0: f32[2], %1: f32[2]) { %2: f32[2] = add(%0, %1) %3: f32[2] = sin(%2) return %3, %2 }
          ]
          return %2, %3
        }
      ]
      return %2, %3
    }`)
  })
})

/** Doubles until the sum passes a bound. */
const doubling = `fn double(%0: f32[], %1: f32[4], %2: i32[]) {
  %3: f32[4], %4: i32[] = while(%0, %1, %2) {condConsts: 1, bodyConsts: 0} [
    fn small(%0: f32[], %1: f32[4], %2: i32[]) { %3: f32[] = reduceSum(%1) {axes: [0]} %4: bool[] = lt(%3, %0) return %4 },
    fn twice(%0: f32[4], %1: i32[]) {
      %2: f32[4] = add(%0, %0) %3: i32[] = constant() {value: 1, dtype: "i32"} %4: i32[] = add(%1, %3) return %2, %4
    }
  ]
  return %3, %4
}`
/** Counts to a bound by a while. */
const counting = `fn count(%0: i32[], %1: i32[]) {
  %2: i32[] = while(%0, %1) {condConsts: 1, bodyConsts: 0} [
    fn less(%0: i32[], %1: i32[]) { %2: bool[] = lt(%1, %0) return %2 },
    fn more(%0: i32[]) { %1: i32[] = constant() {value: 1, dtype: "i32"} %2: i32[] = add(%0, %1) return %2 }
  ]
  return %2
}`

describe('a while', () => {
  test('ends when its condition is false, and may never begin', async () => {
    const { outputs } = await run(doubling, { 0: 100, 1: 0.5, 2: 0 })
    expect(outputs).toEqual([[32, 32, 32, 32], [6]])
    expect((await run(doubling, { 0: -100, 1: 0.5, 2: 3 })).outputs).toEqual([[0.5, 0.5, 0.5, 0.5], [3]])
  })

  test('of 1000 turns takes few submits', async () => {
    const { outputs, submits } = await run(counting, { 0: 1000, 1: 0 })
    expect(outputs).toEqual([[1000]])
    // 1, 2, 4, … 128 turns at a time.
    expect(submits).toBeLessThanOrEqual(device.target.class === 'cpu' ? 1 : 15)
  })

  test('in a scan, and in a while', async () => {
    const whiles = (bound: string, from: string) => `while(${bound}, ${from}) {condConsts: 1, bodyConsts: 0} [
      fn less(%0: i32[], %1: i32[]) { %2: bool[] = lt(%1, %0) return %2 },
      fn more(%0: i32[]) { %1: i32[] = constant() {value: 1, dtype: "i32"} %2: i32[] = add(%0, %1) return %2 }
    ]`
    await run(
      `fn f(%0: i32[4]) {
      %1: i32[] = constant() {value: 0, dtype: "i32"}
      %2: i32[], %3: i32[4] = scan(%1, %0) {length: 4, reverse: false, consts: 0, carry: 1} [
        fn step(%0: i32[], %1: i32[]) {
          %2: i32[] = add(%0, %1)
          %3: i32[] = ${whiles('%2', '%0')}
          return %3, %3
        }
      ]
      return %2, %3
    }`,
      { 0: 3 },
    )
    const { outputs } = await run(
      `fn f(%0: i32[], %1: i32[]) {
      %2: i32[], %3: i32[] = while(%0, %1, %1) {condConsts: 1, bodyConsts: 0} [
        fn less(%0: i32[], %1: i32[], %2: i32[]) { %3: bool[] = lt(%1, %0) return %3 },
        fn body(%0: i32[], %1: i32[]) {
          %2: i32[] = constant() {value: 2, dtype: "i32"} %3: i32[] = add(%0, %2)
          %4: i32[] = ${whiles('%3', '%1')}
          return %3, %4
        }
      ]
      return %2, %3
    }`,
      { 0: 9, 1: 0 },
    )
    expect(outputs).toEqual([[10], [10]])
  })

  test('with a scan inside', async () => {
    await run(
      `fn f(%0: f32[], %1: f32[3], %2: f32[3]) {
      %3: f32[3] = while(%0, %2, %1) {condConsts: 1, bodyConsts: 1} [
        fn small(%0: f32[], %1: f32[3]) { %2: f32[] = reduceSum(%1) {axes: [0]} %3: bool[] = lt(%2, %0) return %3 },
        fn add(%0: f32[3], %1: f32[3]) {
          %2: f32[3], %3: f32[3] = scan(%1, %0) {length: 3, reverse: false, consts: 0, carry: 1} [
            fn step(%0: f32[3], %1: f32[]) { %2: f32[3] = broadcastInDim(%1) {shape: [3], dims: []} %3: f32[3] = add(%0, %2) return %3, %1 }
          ]
          return %2
        }
      ]
      return %3
    }`,
      { 0: 50, 1: 1, 2: 0.75 },
    )
  })
})

describe('calls whose end is not known beforehand', () => {
  test('take effect in the order they are made', async () => {
    const program = compile(parse(counting), device.target, { donated: new Set([1]) })
    const executable = await load(device, program)
    const number = (n: number) => hostArray(Int32Array.of(n), [], 'i32')
    const calls: Promise<ArrayStorage[]>[] = []
    let state = number(0)
    for (const bound of [5, 3, 40, 41]) {
      const call = executable.run([number(bound), state])
      calls.push(call)
      ;[state] = await call
    }
    expect((await state.read())[0]).toBe(41)
    // Not awaited one by one.
    const results = await Promise.all([7, 300, 0].map((bound) => executable.run([number(bound), number(2)])))
    const values = await Promise.all(results.map(async ([y]) => (await y.read())[0]))
    expect(values).toEqual([7, 300, 2])
  })
})

const branches = `[
  fn zero(%0: f32[3]) { %1: f32[3] = sin(%0) return %1 },
  fn one(%0: f32[3]) { return %0 },
  fn two(%0: f32[3]) {
    %1: f32[3] = scan(%0) {length: 3, reverse: false, consts: 0, carry: 1} [
      fn step(%0: f32[3]) { %1: f32[3] = add(%0, %0) return %1 }
    ]
    return %1
  }
]`

describe('a cond', () => {
  test.each([-1, 0, 1, 2, 7])('takes the branch that %s names', async (index) => {
    const { submits } = await run(
      `fn f(%0: i32[], %1: f32[3]) { %2: f32[3] = cond(%0, %1) ${branches} %3: f32[3] = neg(%2) return %3 }`,
      { 0: index },
    )
    expect(submits).toBe(1)
  })

  test('in a scan', async () => {
    const { submits } = await run(`fn f(%0: f32[3]) {
      %1: i32[6] = iota() {shape: [6], axis: 0, dtype: "i32"}
      %2: f32[3], %3: f32[6,3] = scan(%0, %1) {length: 6, reverse: true, consts: 0, carry: 1} [
        fn step(%0: f32[3], %1: i32[]) { %2: f32[3] = cond(%1, %0) ${branches} return %2, %0 }
      ]
      return %2, %3
    }`)
    expect(submits).toBe(1)
  })

  test('with a while in a branch', async () => {
    for (const index of [0, 1])
      await run(
        `fn f(%0: i32[], %1: i32[], %2: i32[]) {
        %3: i32[] = cond(%0, %1, %2) [
          ${counting}, fn other(%0: i32[], %1: i32[]) { %2: i32[] = sub(%1, %0) return %2 }
        ]
        return %3
      }`,
        { 0: index, 1: 5, 2: -4 },
      )
  })
})

test('a barrier is a name, and its operands come before what reads it', async () => {
  await run(`fn f(%0: f32[3], %1: f32[3]) {
    %2: f32[3] = sin(%0) %3: f32[3], %4: f32[3] = barrier(%2, %1) {id: 0} %5: f32[3] = add(%3, %4) return %5, %4
  }`)
})

test('a call whose end is not known beforehand fails when the device is lost in the middle', async () => {
  const executable = await load(device, compile(parse(counting), device.target, { donated: new Set([1]) }))
  const state = hostArray(Int32Array.of(0), [], 'i32')
  const call = executable.run([hostArray(Int32Array.of(2 ** 31 - 1), [], 'i32'), state]).then(([y]) => y.read())
  setTimeout(() => lose(device), 50)
  await expect(call).rejects.toMatchObject({ code: 'device-lost' })
})
