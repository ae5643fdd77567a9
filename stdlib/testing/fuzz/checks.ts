import { compile, passes as pipeline } from '../../../compiler/compile.js'
import { parse } from '../../../compiler/ir/parse.js'
import { print } from '../../../compiler/ir/print.js'
import { verify } from '../../../compiler/ir/verify.js'
import type { RefArray } from '../../../compiler/ops/op.js'
import type { Device } from '../../../runtime/device.js'
import { storageOf } from '../../../runtime/evaluate.js'
import { load } from '../../../runtime/executable.js'
import { hostTensor } from '../values.js'
import { examples, jvpOf, reversible, type Smooth, slopes, smoothPart, stacked, vjpOf, vmapOf, wide } from './derive.js'
import { type Closeness, disagreement, onBorder, unlike } from './noise.js'
import { type RandomProgram, run, show } from './program.js'

/** A law that every program keeps. Says what is wrong, or nothing. */
export interface Check {
  readonly name: string
  run(program: RandomProgram): Promise<string | undefined>
}

type Pass = (typeof pipeline)[number]

const single: Closeness = { unit: 2 ** -22, rtol: 1e-5, atol: 1e-5 }
/** Constants are folded in f32. */
const folded: Closeness = { unit: 2 ** -24, rtol: 1e-6, atol: 1e-6 }
const double: Closeness = { unit: 1e-15, rtol: 1e-9, atol: 1e-9 }

/** The printed program, parsed, is the program. */
export const text: Check = {
  name: 'text',
  run: async ({ fn, inputs }) => {
    const printed = print(fn)
    const back = print(verify(parse(printed)))
    if (back !== printed) return `printed again after parsing:\n${back}`
    return unlike({ fn, inputs }, parse(printed), { unit: 0, rtol: 0, atol: 0 })
  },
}

/** The program and what the transforms make of it, each of which the compiler is held to; undefined where there is none. */
const transforms: readonly (readonly [name: string, (program: RandomProgram) => Promise<RandomProgram | undefined>])[] =
  [
    ['', async (program) => program],
    [' of the jvp', async (program) => smoothly(program, jvpOf)],
    [' of the vjp', async (program) => (reversible(program.fn) ? smoothly(program, vjpOf) : undefined)],
    [
      ' of the vmap',
      async (program) =>
        program.inputs.length
          ? vmapOf(
              program,
              program.inputs.map(() => true),
            )
          : undefined,
    ],
  ]
function smoothly<T>(program: RandomProgram, f: (smooth: Smooth) => T): T | undefined {
  const smooth = smoothPart(program)
  return smooth && f(smooth)
}
const eachTransform = (name: string, law: (program: RandomProgram) => Promise<string | undefined>): Check[] =>
  transforms.map(([of, transform]) => ({
    name: `${name}${of}`,
    run: async (program) => {
      const made = await transform(program)
      return made && law(made)
    },
  }))

/** Each pass alone, and all in their order, keep what the program and its transforms give. */
export const passes = (list: readonly Pass[] = pipeline): Check[] =>
  eachTransform('passes', async (program) => {
    for (const [name, pass] of new Map(list)) {
      const problem = unlike(program, verify(pass(program.fn)), folded)
      if (problem) return `${name}: ${problem}`
    }
    let { fn } = program
    for (const [name, pass] of list) {
      fn = verify(pass(fn))
      const problem = unlike(program, fn, folded)
      if (problem) return `${name}, in its turn: ${problem}`
    }
    return undefined
  })

/** vmap is the loop over examples. */
export const batching: Check = {
  name: 'vmap',
  run: async (program) => {
    const { fn, inputs } = program
    const n = inputs.length
    const masks = [
      inputs.map(() => true),
      ...(n > 1 ? [inputs.map((_, i) => i % 2 === 0), inputs.map((_, i) => i % 2 === 1)] : []),
    ]
    for (const mapped of n ? masks : []) {
      const batched = await vmapOf(program, mapped)
      const loop = [0, 1].map((e) => run({ fn, inputs: inputs.map((x, i) => (mapped[i] ? examples(x, fn)[e] : x)) }))
      const want = loop[0].map((_, i) => stacked(loop.map((ys) => ys[i])))
      const problem = disagreement(batched, run({ ...batched, fn: verify(batched.fn) }), want, double)
      if (problem) return `inputs mapped: ${mapped.map(Number).join()}: ${problem}\n${show(batched)}`
    }
    return undefined
  },
}

/** Forward mode is the slope, and reverse mode its adjoint; for the gradient too. */
export const derivatives: Check = {
  name: 'derivatives',
  run: async (program) => {
    const smooth = smoothPart(program)
    if (!smooth || !wide(program)) return undefined
    if (!reversible(program.fn)) return slopes(program) ? slopeProblem(program, smooth, await jvpOf(smooth)) : undefined
    const pull = await vjpOf(smooth)
    const problem = await derivative(program, smooth)
    if (problem) return problem
    const second = smoothPart(pull)
    const further = second && (await derivative(pull, second))
    return further && `second order: ${further}`
  },
}

async function derivative(program: RandomProgram, smooth: Smooth): Promise<string | undefined> {
  const [push, pull] = [await jvpOf(smooth), await vjpOf(smooth)]
  const along = run({ ...push, fn: verify(push.fn) })
  const grads = run({ ...pull, fn: verify(pull.fn) })
  const left = inner(along, smooth.cotangents)
  const right = inner(smooth.tangents, grads)
  const scale = Math.max(magnitude(along, smooth.cotangents), magnitude(smooth.tangents, grads))
  if (Number.isFinite(scale) && Math.abs(left - right) > 1e-8 + 1e-8 * scale)
    return `⟨J v, w⟩ is ${left}, and ⟨v, Jᵀ w⟩ is ${right}\n${show(pull)}`
  return slopes(program) ? slopeProblem(program, smooth, push) : undefined
}

const step = 1e-5
function slopeProblem(program: RandomProgram, { points, tangents }: Smooth, push: RandomProgram): string | undefined {
  const along = run(push)
  // Slopes on both sides of a kink may agree by chance.
  const kinked = (slope: number): boolean => onBorder(program) || (Number.isFinite(slope) && onBorder(push))
  const at = (h: number): RefArray[] => {
    let next = 0
    const inputs = program.inputs.map((x) => {
      if (x.dtype !== points[next]?.dtype || x !== points[next]) return x
      const t = tangents[next++]
      return { ...x, data: x.data.map((y, k) => y + h * t.data[k]) }
    })
    return run({ ...program, inputs }).filter((y) => y.dtype === 'f32')
  }
  const [here, up, down, up2, down2] = [0, step, -step, step / 2, -step / 2].map(at)
  for (const [i, y] of along.entries())
    for (const [k, got] of y.data.entries()) {
      const [f0, f1, f2, f3, f4] = [here, up, down, up2, down2].map((ys) => ys[i].data[k])
      const slope = (f3 - f4) / step
      const rough = Math.abs((f1 - f2) / (2 * step) - slope) + Math.abs(f1 + f2 - 2 * f0) / step
      // A kink or a jump nearby: no slope to compare with.
      if (!(rough <= 1e-3 * (1 + Math.abs(slope)))) continue
      if (!(Math.abs(got - slope) <= 1e-3 + 1e-3 * Math.abs(slope)) && !kinked(got))
        return `jvp: element ${k} of result ${i} is ${got}, and finite differences give ${slope}`
    }
  return undefined
}

const inner = (a: readonly RefArray[], b: readonly RefArray[]): number =>
  a.reduce((total, x, i) => total + x.data.reduce((sum, y, k) => sum + y * b[i].data[k], 0), 0)
const magnitude = (a: readonly RefArray[], b: readonly RefArray[]): number =>
  a.reduce((total, x, i) => total + x.data.reduce((sum, y, k) => sum + Math.abs(y * b[i].data[k]), 0), 0)

/** Compiled and run on a device, the program and its transforms give what they give in the reference interpreter. */
export const onDevice = (device: Device): Check[] =>
  eachTransform(`${device.info.kind}`, async (program) => {
    const got = await compiled(device, program)
    // Errors are those of the primitives too, into which the passes expand the rest.
    const expanded = { ...program, fn: pipeline.reduce((fn, [, pass]) => pass(fn), program.fn) }
    const problem = disagreement(program, got, run(program), single, expanded)
    return problem && `${problem}\n${show(program)}`
  })

async function compiled(device: Device, { fn, inputs }: RandomProgram): Promise<RefArray[]> {
  const executable = await load(device, compile(fn, device.target, { verify: true }))
  const arrays = await executable.run(inputs.map((x) => storageOf(hostTensor(x))))
  const results: RefArray[] = []
  for (const x of arrays) {
    results.push({ shape: x.shape, dtype: x.dtype, data: Float64Array.from(await x.read()) })
    x.dispose()
  }
  executable.dispose()
  return results
}
