import { compile } from '../compiler/compile.js'
import type { Show } from '../compiler/ir/show.js'
import type { Fn } from '../compiler/ir/types.js'
import { collect, isTracing, traceFn } from '../compiler/trace/collect.js'
import { FoveaError } from '../compiler/trace/error.js'
import { where } from '../compiler/trace/source.js'
import { arrayTensor, type Storage, setRuntimeHooks } from '../compiler/trace/tensor.js'
import { type AnyTensor, flatten, type TreeDef, treeKey, unflatten } from '../compiler/trace/tree.js'
import { type Device, getDevice } from './device.js'
import { type Executable, load } from './executable.js'

export interface JitOptions {
  /** Arguments (positions) whose arrays the call may overwrite: their memory becomes the results', and they can't be used afterwards. */
  readonly donate?: readonly number[]
  /** The name in errors, plans and profiles; default the function's own. */
  readonly name?: string
}

/** What `jit` returns: the function, run on the device. */
export interface Jitted<A extends readonly any[], R> {
  (...args: A): Promise<R>
  /** Compiles for these arguments' shapes without running, and returns the program: its dispatches, kernels and memory plan. */
  program(...args: A): Promise<Executable['program']>
  /** The function itself: what another traced function calls, to make it part of its own program. */
  readonly fn: (...args: A) => R
}

interface Compiled {
  readonly executable: Executable
  readonly captured: readonly AnyTensor[]
  readonly outTree: TreeDef
  /** Positions of the donated leaves. */
  readonly donated: ReadonlySet<number>
}

/** Compilations of one function after which a warning names what keeps changing. */
const tooMany = 16

/**
 * Compiles a function of pytrees of tensors to device kernels. It is traced once per structure, shapes and dtypes of its
 * arguments; numbers, strings and booleans among them are part of the program, so a number that changes every call belongs
 * in a scalar tensor. The call resolves when its work is submitted, in one submit; results are handles, read with
 * `await y.data()`.
 *
 * Throws FoveaError 'shape', 'dtype' and 'trace' with the user's line while tracing; 'no-adapter', 'out-of-memory',
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

  const prepare = async (args: A): Promise<{ compiled: Compiled; leaves: readonly AnyTensor[] }> => {
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
    const key = `${treeKey(tree)} ${leaves.map((x) => `${x.aval.dtype}[${x.aval.shape}]`).join(' ')}`
    let compiled = cache.get(key)
    if (!compiled) {
      if (cache.size === tooMany)
        console.warn(
          `fovea: '${name}' was compiled for ${tooMany} different arguments; the last: ${key.slice(0, 300)}. A number that changes every call should be a scalar tensor.`,
        )
      compiled = build(f, args, name, device, donatedLeaves(args, donate))
      cache.set(key, compiled)
      compiled.catch(() => cache.delete(key))
    }
    return { compiled: await compiled, leaves }
  }
  const run = async (args: A): Promise<R> => {
    const { compiled, leaves } = await prepare(args)
    const storages = leaves.map(storageOf)
    const outputs = await compiled.executable.run([...storages, ...compiled.captured.map(storageOf)])
    // Donated memory that no result took is given back.
    for (const i of compiled.donated) if (!storages[i].disposed) storages[i].dispose()
    return unflatten(compiled.outTree, outputs.map(arrayTensor)) as R
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
    return run(args)
  }
  return Object.assign(call, {
    program: async (...args: A) => (await prepare(args)).compiled.executable.program,
    fn: f,
  })
}

async function build(
  f: (...args: any[]) => unknown,
  args: readonly unknown[],
  name: string,
  device: Device,
  donated: ReadonlySet<number>,
): Promise<Compiled> {
  const { fn, captured, outTree } = traceFn(f, args, name, true)
  return {
    executable: await load(device, compile(fn, device.target, { ...compileOptions(), donated })),
    captured,
    outTree,
    donated,
  }
}

/** Positions of the donated arguments' leaves among all leaves. */
function donatedLeaves(args: readonly unknown[], donate: readonly number[]): Set<number> {
  const out = new Set<number>()
  let at = 0
  args.forEach((arg, n) => {
    const count = flatten(arg).leaves.length
    if (donate.includes(n)) for (let i = 0; i < count; i++) out.add(at + i)
    at += count
  })
  return out
}

const storageOf = (x: AnyTensor): Storage => {
  if (x.node.kind !== 'array') throw new Error('internal: expected an array')
  return x.node.storage
}

/** FOVEA_SHOW=ir,passes,kernels,plan prints these stages to stderr; FOVEA_VERIFY=1 checks the IR after every pass. */
function compileOptions(): { show?: Show; verify: boolean } {
  const env = typeof process === 'undefined' ? {} : process.env
  const stages = new Set((env.FOVEA_SHOW ?? '').split(',').filter(Boolean))
  return {
    verify: env.FOVEA_VERIFY === '1',
    show: stages.size ? (stage, text) => stages.has(stage) && process.stderr.write(`${text()}\n`) : undefined,
  }
}

const pending = new WeakMap<Device, Map<string, Promise<Executable>>>()

/** Runs pending graphs: the tensors become arrays. Equal graphs compile once. */
export async function evaluate(tensors: readonly AnyTensor[]): Promise<void> {
  const todo = [...new Set(tensors)].filter((x) => x.node.kind === 'op')
  if (!todo.length) return
  const { fn, captured } = collect(todo, [], 'lazy')
  const device = await getDevice()
  let cache = pending.get(device)
  if (!cache) pending.set(device, (cache = new Map()))
  const key = structure(fn)
  let executable = cache.get(key)
  if (!executable) {
    executable = load(device, compile(fn, device.target, compileOptions()))
    cache.set(key, executable)
    executable.catch(() => cache.delete(key))
  }
  const outputs = await (await executable).run(captured.map(storageOf))
  todo.forEach((x, i) => {
    x.node = arrayTensor(outputs[i]).node
  })
}

/** A function's text without places: equal for graphs that do the same. */
const structure = (fn: Fn): string =>
  JSON.stringify([
    fn.inputs.map((v) => v.aval),
    fn.eqns.map((q) => [q.op, q.params, q.fns?.map(structure), q.inputs.map((v) => v.id), q.outputs.map((v) => v.id)]),
    fn.outputs.map((v) => v.id),
  ])

setRuntimeHooks({
  read(x) {
    if (isTracing() || x.node.kind === 'input')
      throw new FoveaError(
        'trace',
        `a tensor's value can't be read while a function is traced: return the tensor, and read it with 'await y.data()' outside`,
        where()(),
      )
    return evaluate([x]).then(() => storageOf(x).read())
  },
})
