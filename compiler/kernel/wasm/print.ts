import type { Target } from '../../ir/program.js'
import { builtins, type Kernel, type Stmt } from '../ir.js'
import { memarg, op, uleb, type WasmFunction } from './binary.js'
import { type Code, createLocals } from './locals.js'
import { instruction } from './opcodes.js'
import { parameters, pointer, prepare } from './prepare.js'
import { createValues, literal } from './values.js'

/**
 * Prints a kernel for a CPU: the function (from, to, args, scratch) that runs the items from ≤ group_x < to. `args` points to the
 * addresses of its buffers, `scratch` to the thread's own memory.
 */
export function printWasm(kernel: Kernel, target: Target): WasmFunction {
  const locals = createLocals(parameters.length)
  const { value, store } = createValues(kernel, locals, target.wasm?.relaxed ?? false)
  const lessThan = instruction('lt', 'u32')!
  const not = instruction('not', 'bool')!

  /** `depth`: how many blocks out the end of the item is. */
  const block = (stmts: readonly Stmt[], depth: number): Code => stmts.map((s) => stmt(s, depth))
  const stmt = (s: Stmt, depth: number): Code => {
    switch (s.k) {
      case 'let':
      case 'mutable': {
        locals.begin(s.value)
        const code = value(s.value)
        return [code, op.localSet, uleb(locals.declare(s.name, s.value.t))]
      }
      case 'set':
        locals.begin(s.value)
        return [value(s.value), locals.set(s.name)]
      case 'store':
        locals.begin(s.at, s.value)
        return store(s)
      case 'loop':
        return loop(s, depth)
      case 'while': {
        locals.begin(s.cond)
        const cond = value(s.cond)
        return [op.block, op.loop, cond, not, op.brIf, 1, block(s.body, depth + 2), op.br, 0, op.end, op.end]
      }
      case 'if':
        locals.begin(s.cond)
        return [value(s.cond), op.if, block(s.body, depth + 1), op.end]
      case 'exit':
        locals.begin(s.cond)
        return [value(s.cond), op.brIf, uleb(depth)]
      case 'barrier':
        throw new Error(`internal: kernel '${kernel.name}' has a barrier, and a CPU's item has one lane`)
    }
  }
  const loop = ({ index, from, count, body }: Stmt & { k: 'loop' }, depth: number): Code => {
    const isItems = index === 'group_x'
    const at = locals.declare(index, 'u32')
    locals.begin(...(from ? [from] : []))
    const start: Code = [from ? value(from) : literal('u32', 0), op.localSet, uleb(at)]
    const limit = (): Code => {
      if (typeof count === 'number') return literal('u32', count)
      locals.begin(count)
      return value(count)
    }
    const surely = typeof count === 'number' && (from ? from.k === 'lit' && from.value < count : count > 0)
    const entry: Code = surely ? [] : [op.localGet, uleb(at), limit(), lessThan, op.if]
    const turn = isItems ? [op.block, block(body, 0), op.end] : block(body, depth + (surely ? 1 : 2))
    const next: Code = [op.localGet, uleb(at), literal('u32', 1), instruction('add', 'u32')!, op.localTee, uleb(at)]
    return [start, entry, op.loop, turn, next, limit(), lessThan, op.brIf, 0, op.end, surely ? [] : op.end]
  }

  parameters.forEach((name, at) => {
    locals.name(name, at, 'u32')
  })
  // One lane in one dim: the other numbers are 0, as locals are at first.
  const zero = locals.declare('zero', 'u32')
  for (const name of builtins) if (name !== 'group_x') locals.name(name, zero, 'u32')
  const pointers = kernel.buffers.map((_, i): Code => {
    const at = locals.declare(pointer(i), 'u32')
    return [locals.get('args'), op.i32Load, memarg(2, 4 * i), op.localSet, uleb(at)]
  })
  const code = flatten([pointers, block(prepare(kernel), 0)])
  return { params: parameters.map(() => 'i32'), results: [], locals: [...locals.types], code }
}

function flatten(code: Code): Uint8Array {
  let out = new Uint8Array(4096)
  let length = 0
  const walk = (part: Code): void => {
    for (let i = 0; i < part.length; i++) {
      const x = part[i]
      if (typeof x !== 'number') {
        walk(x)
        continue
      }
      if (length === out.length) {
        const longer = new Uint8Array(2 * length)
        longer.set(out)
        out = longer
      }
      out[length++] = x
    }
  }
  walk(code)
  return out.slice(0, length)
}
