import { compile } from '../../compiler/compile.js'
import type { Program } from '../../compiler/ir/program.js'
import type { Work } from '../../compiler/kernel/work.js'
import { tracePrinting } from '../../compiler/trace/collect.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { type AnyTensor, flatten } from '../../compiler/trace/tree.js'
import { ArrayStorage, residentOn, upload } from '../array.js'
import { byteLength } from '../bytes.js'
import { type Device, type DispatchTime, getDevice } from '../device.js'
import { compileOptions, evaluate, storageOf } from '../evaluate.js'
import { type Executable, load } from '../executable.js'
import { donatedLeaves, type JitOptions } from '../jit.js'
import { usesOf } from '../place.js'
import { edgesOf, memoryOf } from './flow.js'
import { limitsOf } from './limits.js'
import type { Place, Profile, ProfiledDispatch, Spread } from './types.js'

export interface ProfileOptions extends JitOptions {
  /** Calls that are measured, of each kind; 10 by default. Two before them are not. */
  readonly rounds?: number
  /** Told what is being done, and how much of it: for a progress line. */
  readonly onProgress?: (stage: string, done: number, of: number) => void
}

/** A function, or what `jit` made of it: then its options hold too. */
export type Profiled<A extends readonly any[]> =
  | ((...args: A) => unknown)
  | { readonly fn: (...args: A) => unknown; readonly options: JitOptions }

const warmup = 2

/**
 * Measures a call of a function, with the program that `jit` would make of it: time, work and memory of each kernel, the
 * same by named scope and by source line, against what the device can do. The call is run whole, as ever, and, in turn with that, one
 * dispatch after another with the time of each noted on the device. Arguments stay as they are, donated ones too.
 *
 * `ofLimit` is 1 where a kernel is as fast as the device's multiply-adds, or its memory, let it be.
 *
 * Throws FoveaError 'input' for rounds that are not a whole number from 1 on, and what `jit` and its calls throw.
 *
 * @example
 * const { dispatches, call } = await profile((x, w) => relu(matmul(x, w)), [ones([64, 32]), ones([32, 16])], { rounds: 3 })
 * console.log(dispatches.map((d) => d.label)) // [ 'product 64×16×32 + le, select' ]
 * console.log(call.median > 0) // true
 */
export async function profile<A extends readonly any[]>(
  f: Profiled<A>,
  args: A,
  options: ProfileOptions = {},
): Promise<Profile> {
  const fn = 'fn' in f ? f.fn : f
  const jitted = 'fn' in f ? f.options : {}
  const { rounds = 10, onProgress = () => {}, donate = [], name = fn.name || 'fn' } = { ...jitted, ...options }
  if (!Number.isSafeInteger(rounds) || rounds < 1)
    throw new FoveaError('input', `profile: expected a whole number of rounds from 1 on, got ${rounds}`)

  const { leaves } = flatten(args)
  onProgress('compiling', 0, 1)
  await evaluate(leaves.filter((x) => x.node.kind === 'op'))
  const device = await getDevice()
  const [traced, trace] = timed(() => tracePrinting(fn, args, name, true))
  const works: Work[] = []
  const [program, compiling] = timed(() =>
    compile(traced.fn, device.target, {
      ...compileOptions(),
      donated: donatedLeaves(args, donate),
      onWork: (dispatch, work) => {
        works[dispatch] = work
      },
    }),
  )
  const [whole, loading] = await timedAsync(() => load(device, program))
  const stepwise = await load(device, program, true)
  try {
    onProgress('measuring the device', 0, 1)
    const limits = await limitsOf(device)
    const inputs = await inputsOf(device, program, [...leaves, ...traced.captured])
    const calls: number[] = []
    const times: DispatchTime[][] = []
    let read = 0
    for (let round = -warmup; round < rounds; round++) {
      onProgress('round', Math.max(0, round), rounds)
      const call = await callOnce(device, whole, inputs)
      const outputs = await callOnce(device, stepwise, inputs)
      const noted = await stepwise.times()
      if (round >= 0) {
        calls.push(call.ms)
        times.push(noted)
      }
      if (round === rounds - 1) [, read] = await timedAsync(async () => readAll(outputs.results))
      for (const array of [...call.results, ...outputs.results]) array.dispose()
    }
    onProgress('round', rounds, rounds)
    const dispatches = program.dispatches.map((_, i) =>
      profiled(
        program,
        i,
        works[i],
        times.map((t) => t[i]),
        limits,
      ),
    )
    return {
      name,
      device: { kind: device.info.kind, description: device.info.description, backend: device.info.backend },
      rounds,
      call: spread(calls),
      parts: spread(times.map((t) => t.reduce((sum, x) => sum + x.ms, 0))),
      limits,
      once: { trace, compile: compiling, load: loading, upload: inputs.uploading, read },
      dispatches,
      edges: edgesOf(program),
      scopes: placesOf(dispatches, (part) => ({ name: part.scope })),
      lines: placesOf(dispatches, ({ loc }) =>
        loc ? { name: `${loc.file}:${loc.line}`, loc: { ...loc, column: 1 } } : { name: '' },
      ),
      memory: memoryOf(program),
    }
  } finally {
    whole.dispose()
    stepwise.dispose()
  }
}

function timed<T>(f: () => T): [T, number] {
  const began = performance.now()
  const result = f()
  return [result, performance.now() - began]
}
async function timedAsync<T>(f: () => Promise<T>): Promise<[T, number]> {
  const began = performance.now()
  const result = await f()
  return [result, performance.now() - began]
}

/** A call's arguments. Those that a call takes for good are made anew for each from their bytes. */
interface Inputs {
  readonly arrays: readonly ArrayStorage[]
  /** The bytes of donated ones. */
  readonly bytes: ReadonlyMap<number, Uint8Array<ArrayBuffer>>
  readonly uploading: number
}

async function inputsOf(device: Device, program: Program, leaves: readonly AnyTensor[]): Promise<Inputs> {
  const arrays = leaves.map((x) => storageOf(x) as ArrayStorage)
  const { donated } = usesOf(program)
  const bytes = new Map<number, Uint8Array<ArrayBuffer>>()
  let uploading = 0
  for (const [i, { memory, shape, dtype }] of arrays.entries()) {
    const [block, took] = await timedAsync(async () => residentOn(device, memory) ?? (await upload(device, memory)))
    uploading += took
    if (donated.has(i)) bytes.set(i, new Uint8Array(await device.read(block, byteLength(shape, dtype))))
  }
  return { arrays, bytes, uploading }
}

async function callOnce(
  device: Device,
  executable: Executable,
  { arrays, bytes }: Inputs,
): Promise<{ readonly results: ArrayStorage[]; readonly ms: number }> {
  const given: ArrayStorage[] = []
  for (const [i, array] of arrays.entries()) {
    const copy = bytes.get(i)
    if (!copy) given.push(array)
    else {
      const block = await device.upload(copy.slice())
      given.push(new ArrayStorage({ device: { device, block }, handles: 0 }, array.shape, array.dtype))
    }
  }
  await device.finished()
  const [results, ms] = await timedAsync(async () => {
    const out = await executable.run(given)
    await device.finished()
    return out
  })
  return { results, ms }
}

const readAll = (arrays: readonly ArrayStorage[]): Promise<unknown> => Promise.all(arrays.map((array) => array.read()))

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return { min: sorted[0], median: sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2 }
}

function profiled(
  { dispatches, kernels }: Program,
  number: number,
  work: Work,
  times: readonly DispatchTime[],
  limits: Profile['limits'],
): ProfiledDispatch {
  const { kernel, scope, loc, ops } = dispatches[number]
  const { runs, begin } = times[times.length - 1]
  const { min, median } = spread(times.map((t) => t.ms))
  const [flops, bytes] = [work.flops * runs, work.bytes * runs]
  const [computing, moving] = [(flops / limits.flops) * 1e3, (bytes / limits.bytes) * 1e3]
  return {
    number,
    kernel: kernels[kernel].name,
    label: work.label,
    scope,
    ...(loc && { loc }),
    ops,
    runs,
    ms: median,
    min,
    begin,
    flops,
    bytes,
    bound: computing > moving ? 'compute' : 'memory',
    ofLimit: median > 0 ? Math.max(computing, moving) / median : 0,
    parts: work.parts,
  }
}

/** Each dispatch's time over the places of its equations, by their shares of its work. */
function placesOf(
  dispatches: readonly ProfiledDispatch[],
  placeOf: (part: ProfiledDispatch['parts'][number]) => Omit<Place, 'ms'>,
): Place[] {
  const places = new Map<string, Place>()
  for (const { ms, parts } of dispatches)
    for (const part of parts) {
      const place = placeOf(part)
      places.set(place.name, { ...place, ms: ms * part.share + (places.get(place.name)?.ms ?? 0) })
    }
  return [...places.values()].sort((a, b) => b.ms - a.ms)
}
