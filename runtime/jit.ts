import type { Fn } from '../compiler/ir/types.js'
import { isTracing } from '../compiler/trace/call.js'
import { tracePrinting } from '../compiler/trace/collect.js'
import { FoveaError } from '../compiler/trace/error.js'
import type { Print } from '../compiler/trace/prints.js'
import { type Where, where } from '../compiler/trace/source.js'
import { arrayTensor, setRuntimeHooks } from '../compiler/trace/tensor.js'
import { type AnyTensor, flatten, type TreeDef, treeKey, unflatten } from '../compiler/trace/tree.js'
import type { ArrayStorage } from './array.js'
import { budgetBytes, refuseOverBudget } from './budget.js'
import { compileOnce } from './cache/compile.js'
import { type Device, getDevice } from './device.js'
import { compileOptions, evaluate, evaluateSoon, runPending, storageOf } from './evaluate.js'
import { type Executable, load } from './executable.js'
import { checkFinite, nansWanted } from './nans.js'
import { printLine } from './print.js'

export interface JitOptions {
  /** Arguments (positions) whose arrays the call may overwrite: their memory becomes the results', and they can't be used afterwards. */
  readonly donate?: readonly number[]
  /** The name in errors, plans and profiles; default the function's own. */
  readonly name?: string
  /**
   * Most bytes that the program may take, its arguments, results and temporaries together: a number, or text such as '2GB' or
   * '512MiB'. A program that takes more is an error before anything runs.
   */
  readonly memory?: number | string
}

/** What `jit` returns: the function, run on the device. */
export interface Jitted<A extends readonly any[], R> {
  (...args: A): Promise<R>
  /** Compiles for these arguments' shapes without running, and returns the program: its dispatches, kernels and memory plan. */
  program(...args: A): Promise<Executable['program']>
  /** The function itself: what another traced function calls, to make it part of its own program. */
  readonly fn: (...args: A) => R
  /** As they were given. */
  readonly options: JitOptions
}

interface Compiled {
  readonly executable: Executable
  readonly fn: Fn
  /** What to print of the last results of `fn`, which the caller doesn't see. */
  readonly prints: readonly Print[]
  readonly captured: readonly AnyTensor[]
  readonly outTree: TreeDef
  /** Positions of the donated leaves. */
  readonly donated: ReadonlySet<number>
}

interface Prepared {
  readonly compiled: Compiled
  readonly leaves: readonly AnyTensor[]
  readonly paths: readonly string[]
}

/** Compilations of one function after which a warning names what keeps changing. */
const tooMany = 16

/**
 * Compiles a function of pytrees of tensors to device kernels. It is traced once per structure, shapes and dtypes of its
 * arguments; numbers, strings and booleans among them are part of the program, so a number that changes every call belongs
 * in a scalar tensor. The call resolves when its work is submitted, in one submit; results are handles, read with
 * `await y.data()`.
 *
 * Throws FoveaError 'shape', 'dtype' and 'trace' with the user's line while tracing; 'out-of-memory' for a program over its
 * `memory`, with who holds most; 'no-adapter', 'out-of-memory',
 * 'device-lost' and 'disposed' from the device.
 *
 * @example
 * const f = jit((x, y) => add(mul(x, y), 1))
 * console.log(await (await f(tensor([1, 2]), tensor([3, 4]))).data()) // Float32Array(2) [ 4, 9 ]
 */
export function jit<A extends readonly any[], R>(f: (...args: A) => R, options: JitOptions = {}): Jitted<A, R> {
  const name = options.name ?? (f.name || 'fn')
  const caches = new WeakMap<Device, Map<string, Promise<Compiled>>>()
  const donate = options.donate ?? []
  const budget = options.memory === undefined ? Number.POSITIVE_INFINITY : budgetBytes(options.memory)

  const prepare = async (args: A, place: Where): Promise<Prepared> => {
    const { leaves, tree, paths } = flatten(args)
    leaves.forEach((x, i) => {
      if (x.node.kind === 'input')
        throw new FoveaError(
          'trace',
          `leaked tracer: argument '${paths[i]}' of '${name}' belongs to a function that was traced before`,
          where()(),
        )
    })
    await evaluate(leaves.filter((x) => x.node.kind === 'op'))
    const device = await getDevice()
    let cache = caches.get(device)
    if (!cache) caches.set(device, (cache = new Map()))
    const key = `${treeKey(tree)} ${leaves.map((x) => `${x.aval.dtype}[${x.aval.shape}]`).join(' ')}${nansWanted() ? ' nans' : ''}`
    let compiled = cache.get(key)
    if (!compiled) {
      if (cache.size === tooMany)
        console.warn(
          `fovea: '${name}' was compiled for ${tooMany} different arguments; the last: ${key.slice(0, 300)}. A number that changes every call should be a scalar tensor.`,
        )
      compiled = build(f, args, name, device, donatedLeaves(args, donate), place, budget)
      cache.set(key, compiled)
      compiled.catch(() => cache.delete(key))
    }
    return { compiled: await compiled, leaves, paths }
  }
  const run = async (args: A, place: Where): Promise<R> => {
    const { compiled, leaves, paths } = await prepare(args, place)
    const storages = leaves.map(storageOf)
    const inputs = [...storages, ...compiled.captured.map(storageOf)]
    const outputs = await compiled.executable.run(inputs)
    const printed = release(compiled.prints, outputs)
    const result = unflatten(compiled.outTree, outputs.map(arrayTensor)) as R
    await printed
    if (nansWanted()) {
      const { fn } = compiled
      const results = flatten(result).paths
      const names = { inputName: (i: number) => paths[i], outputName: (i: number) => results[i] }
      await checkFinite({
        fn,
        inputs,
        outputs: outputs.slice(0, results.length),
        run: (xs) => runPending(xs, false),
        ...names,
      })
    }
    // Donated memory that no result took is given back.
    for (const i of compiled.donated) if (!storages[i].disposed) storages[i].dispose()
    return result
  }
  /** Thrown, not rejected: inside a trace nobody awaits. */
  const refuseWhileTracing = (): void => {
    if (isTracing())
      throw new FoveaError(
        'trace',
        `'${name}' is jitted and was called while another function is being traced: call '${name}.fn' there, the plain function, which becomes part of the outer program`,
        where()(),
      )
  }
  const call = (...args: A): Promise<R> => {
    refuseWhileTracing()
    const place = where()
    return located(place, run(args, place))
  }
  return Object.assign(call, {
    program: async (...args: A) => (await prepare(args, where())).compiled.executable.program,
    fn: f,
    options,
  })
}

async function build(
  f: (...args: any[]) => unknown,
  args: readonly unknown[],
  name: string,
  device: Device,
  donated: ReadonlySet<number>,
  place: Where,
  budget: number,
): Promise<Compiled> {
  const { fn, captured, outTree, prints } = tracePrinting(f, args, name, true, place)
  // What is checked for NaN may be run again, so its inputs stay.
  const overwritten: ReadonlySet<number> = nansWanted() ? new Set() : donated
  const program = await compileOnce(fn, device.target, { ...compileOptions(), donated: overwritten })
  refuseOverBudget(program, budget)
  return {
    executable: await load(device, program),
    fn,
    prints,
    captured,
    outTree,
    donated,
  }
}

/** Positions of the donated arguments' leaves among all leaves. */
export function donatedLeaves(args: readonly unknown[], donate: readonly number[]): Set<number> {
  const out = new Set<number>()
  let at = 0
  args.forEach((arg, n) => {
    const count = flatten(arg).leaves.length
    if (donate.includes(n)) for (let i = 0; i < count; i++) out.add(at + i)
    at += count
  })
  return out
}

/** Prints what a call's hidden results are for, and frees them. Resolves when it is printed. */
async function release(prints: readonly Print[], outputs: readonly ArrayStorage[]): Promise<void> {
  let at = outputs.length - prints.reduce((n, print) => n + print.leaves, 0)
  const lines = prints.map((print) => {
    const storages = outputs.slice(at, (at += print.leaves))
    return printLine(print, Promise.resolve(storages)).finally(() => {
      for (const storage of storages) storage.dispose()
    })
  })
  await Promise.all(lines)
}

/** Errors of the device say where in the user's code the call was. */
const located = <T>(place: Where, result: Promise<T>): Promise<T> =>
  result.catch((err) => {
    const loc = err instanceof FoveaError && !err.loc ? place() : undefined
    throw loc ? new FoveaError(err.code, err.message, loc, { cause: err }) : err
  })

setRuntimeHooks({
  read(x) {
    const place = where()
    if (isTracing() || x.node.kind === 'input')
      throw new FoveaError(
        'trace',
        `a tensor's value can't be read while a function is traced: return the tensor, and read it with 'await y.data()' outside`,
        place(),
      )
    return located(
      place,
      evaluateSoon(x).then(() => storageOf(x).read()),
    )
  },
  print({ print, values }) {
    printLine(
      print,
      Promise.all(
        values.map(async (x) => {
          await evaluateSoon(x)
          return storageOf(x)
        }),
      ),
    )
  },
})
