import type { CompiledKernel, Dispatch, Program, Target } from '../ir/program.js'
import type { Show } from '../ir/show.js'
import { costOf } from './cost.js'
import type { Kernel } from './ir.js'
import { bindLets } from './lets.js'
import { printKernel } from './print.js'
import type { WasmFunction } from './wasm/binary.js'
import { printModule } from './wasm/module.js'
import { scratchBytes } from './wasm/prepare.js'
import { printWasm } from './wasm/print.js'
import { printWgsl } from './wgsl.js'

/** Prints a program's kernels for a target; equal ones once. */
export interface Printer {
  /** The kernel's number, and how threads share its workgroups out. */
  add(kernel: Kernel): Pick<Dispatch, 'kernel' | 'grain'>
  finish(): Pick<Program, 'kernels' | 'wasm' | 'scratchBytes'>
}

const bindingsOf = (kernel: Kernel): CompiledKernel['bindings'] => kernel.buffers.map((b) => b.access)

export function wgslPrinter(show: Show): Printer {
  const kernels: CompiledKernel[] = []
  const known = new Map<string, number>()
  return {
    add(kernel) {
      const wgsl = printWgsl(kernel)
      let at = known.get(wgsl)
      if (at === undefined) {
        at = kernels.push({ name: kernel.name, wgsl, bindings: bindingsOf(kernel) }) - 1
        known.set(wgsl, at)
        show('kernels', () => `kernel ${at} ${kernel.name}:\n${wgsl}`)
      }
      return { kernel: at }
    },
    finish: () => ({ kernels }),
  }
}

/** Work worth a thread's asking for more, in instructions: some 5 µs. */
const chunk = 20_000

export function wasmPrinter(target: Target, show: Show): Printer {
  const kernels: CompiledKernel[] = []
  const functions: WasmFunction[] = []
  /** Functions by the hash of their code. */
  const known = new Map<number, readonly number[]>()
  let scratch = 0
  return {
    add(kernel) {
      const printed = printWasm(kernel, target)
      const key = hash(printed.code)
      const alike = known.get(key) ?? []
      let at = alike.find((i) => sameFunction(functions[i], printed))
      if (at === undefined) {
        functions.push(printed)
        at =
          kernels.push({
            name: kernel.name,
            wgsl: printKernel({ ...kernel, body: bindLets(kernel.body) }),
            bindings: bindingsOf(kernel),
          }) - 1
        known.set(key, [...alike, at])
        show('kernels', () => `kernel ${at} ${printKernel({ ...kernel, body: bindLets(kernel.body) })}`)
        scratch = Math.max(scratch, scratchBytes(kernel.scratch))
      }
      return { kernel: at, grain: Math.max(1, Math.floor(chunk / costOf(kernel.body))) }
    },
    finish: () => ({ kernels, wasm: printModule(functions, target.wasm?.shared ?? false), scratchBytes: scratch }),
  }
}

/** FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/. */
function hash(bytes: WasmFunction['code']): number {
  let h = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) h = Math.imul(h ^ bytes[i], 0x01000193)
  return h
}

const sameFunction = (a: WasmFunction, b: WasmFunction): boolean =>
  a.code.length === b.code.length && a.code.every((byte, i) => byte === b.code[i]) && `${a.locals}` === `${b.locals}`
