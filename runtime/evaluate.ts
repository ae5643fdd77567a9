import { print } from '../compiler/ir/print.js'
import type { Show } from '../compiler/ir/show.js'
import { collect } from '../compiler/trace/collect.js'
import { arrayTensor, type Storage } from '../compiler/trace/tensor.js'
import type { AnyTensor } from '../compiler/trace/tree.js'
import { compileOnce } from './cache/compile.js'
import { type Device, getDevice } from './device.js'
import { type Executable, load } from './executable.js'
import { checkFinite, nansWanted } from './nans.js'

/** Lazy tensors: a pending graph is compiled and run when a value of it is wanted. */

export const storageOf = (x: AnyTensor): Storage => {
  if (x.node.kind !== 'array') throw new Error('internal: expected an array')
  return x.node.storage
}

/** FOVEA_SHOW=ir,passes,kernels,plan prints these stages to stderr; FOVEA_VERIFY=1 checks the IR after every pass. */
export function compileOptions(): { show?: Show; verify: boolean } {
  const env = typeof process === 'undefined' ? {} : process.env
  const stages = new Set((env.FOVEA_SHOW ?? '').split(',').filter(Boolean))
  return {
    verify: env.FOVEA_VERIFY === '1',
    show: stages.size ? (stage, text) => stages.has(stage) && process.stderr.write(`${text()}\n`) : undefined,
  }
}

/** What is being computed: who asks for it again waits for the same run. */
const underway = new WeakMap<AnyTensor, Promise<void>>()

/** Runs pending graphs: the tensors become arrays. One program for all, in which what they share is computed once. */
export async function evaluate(tensors: readonly AnyTensor[]): Promise<void> {
  const todo = [...new Set(tensors)].filter((x) => x.node.kind === 'op')
  const fresh = todo.filter((x) => !underway.has(x))
  if (fresh.length) {
    const job = runPending(fresh, nansWanted()).finally(() => {
      for (const x of fresh) underway.delete(x)
    })
    for (const x of fresh) underway.set(x, job)
  }
  await Promise.all(todo.map((x) => underway.get(x)))
}

let wanted: { readonly tensors: AnyTensor[]; readonly done: Promise<void> } | undefined

/** `evaluate` for values that are wanted one by one: those asked for in the same turn are one program. */
export async function evaluateSoon(x: AnyTensor): Promise<void> {
  if (!wanted) {
    const tensors: AnyTensor[] = []
    const done = Promise.resolve().then(() => {
      wanted = undefined
      return evaluate(tensors)
    })
    wanted = { tensors, done }
  }
  const { tensors, done } = wanted
  tensors.push(x)
  try {
    await done
  } catch (err) {
    if (tensors.length === 1) throw err
    // Another's mistake is not this one's.
    await evaluate([x])
  }
}

const pending = new WeakMap<Device, Map<string, Promise<Executable>>>()

/** Makes arrays of the tensors. Equal graphs compile once. `check`: for NaN and infinities. */
export async function runPending(todo: readonly AnyTensor[], check: boolean): Promise<void> {
  const { fn, captured } = collect(todo, [], 'lazy')
  const device = await getDevice()
  let cache = pending.get(device)
  if (!cache) pending.set(device, (cache = new Map()))
  const key = print(fn, { places: false })
  let executable = cache.get(key)
  if (!executable) {
    executable = compileOnce(fn, device.target, compileOptions()).then((program) => load(device, program))
    cache.set(key, executable)
    executable.catch(() => cache.delete(key))
  }
  const inputs = captured.map(storageOf)
  const outputs = await (await executable).run(inputs)
  if (check) await checkFinite({ fn, inputs, outputs, run: (xs) => runPending(xs, false) })
  todo.forEach((x, i) => {
    x.node = arrayTensor(outputs[i]).node
  })
}
