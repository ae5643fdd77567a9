import type { Program } from '../compiler/ir/program.js'
import { showAval } from '../compiler/ir/types.js'
import { FoveaError } from '../compiler/trace/error.js'
import type { Storage } from '../compiler/trace/tensor.js'
import { ArrayStorage, type Memory, residentOn, upload } from './array.js'
import { byteLength } from './bytes.js'
import type { Block, Copy, Device } from './device.js'

/** Where a call's buffers are. `memories` holds those that outlive the call, by buffer number. */
export interface Placed {
  /** By buffer number; undefined for inputs that no dispatch reads. */
  readonly blocks: readonly (Block | undefined)[]
  readonly memories: ReadonlyMap<number, Memory>
  /** Made before the first dispatch: donated memory that others still hold. */
  readonly copies: readonly Copy[]
}

/** The inputs as arrays of this runtime. Throws FoveaError 'input' when number or sizes don't fit the program. */
export function checkInputs(program: Program, inputs: readonly Storage[]): ArrayStorage[] {
  if (inputs.length !== program.inputs.length)
    throw new FoveaError('input', `'${program.name}' takes ${program.inputs.length} arrays, got ${inputs.length}`)
  for (const buffer of program.buffers) {
    if (buffer.kind !== 'input') continue
    const given = inputs[buffer.index]
    // A compiler may count an empty array as one element, since a binding can't be empty.
    const bytes = byteLength(given.shape, given.dtype)
    if (bytes < buffer.bytes && !(bytes === 0 && buffer.bytes <= 16))
      throw new FoveaError(
        'input',
        `input ${buffer.index} of '${program.name}': expected ${buffer.bytes} bytes, got ${showAval(given)}, ${bytes} bytes`,
      )
  }
  return inputs.map((input, i) => {
    if (!(input instanceof ArrayStorage))
      throw new FoveaError(
        'input',
        `input ${i} of '${program.name}': expected an array made by tensor() or by a call, got another kind of storage`,
      )
    return input
  })
}

/** What a program does with its inputs, found once. */
export interface Uses {
  /** Inputs whose memory becomes an output's. */
  readonly donated: ReadonlySet<number>
  /** Buffers that dispatches touch. */
  readonly touched: ReadonlySet<number>
}

export function usesOf({ outputs, buffers, dispatches }: Program): Uses {
  const donated = new Set<number>()
  for (const { donated: given, buffer } of outputs) {
    const origin = buffers[buffer]
    if (given && origin.kind === 'input') donated.add(origin.index)
  }
  return { donated, touched: new Set(dispatches.flatMap((d) => d.buffers)) }
}

/** Finds memory for every buffer of a call: uploads what is still on the host, and takes outputs from the pool. */
export async function place(
  device: Device,
  program: Program,
  inputs: readonly Memory[],
  { donated, touched }: Uses,
  slots: ReadonlyMap<number, Block>,
): Promise<Placed> {
  const blocks: (Block | undefined)[] = program.buffers.map(() => undefined)
  const memories = new Map<number, Memory>()
  const fresh: { readonly number: number; readonly bytes: number; readonly from?: Block }[] = []

  for (const [number, buffer] of program.buffers.entries()) {
    if (buffer.kind === 'temp') blocks[number] = slots.get(buffer.slot)
    else if (buffer.kind === 'output') fresh.push({ number, bytes: buffer.bytes })
    else {
      const memory = inputs[buffer.index]
      memories.set(number, memory)
      if (!touched.has(number)) continue
      // Most are there: a wait apiece would cost more than the rest of the call.
      const block = residentOn(device, memory) ?? (await upload(device, memory))
      if (!donated.has(buffer.index)) blocks[number] = block
      else if (memory.handles > 1) fresh.push({ number, bytes: buffer.bytes, from: block })
      else {
        memory.host = undefined
        blocks[number] = block
      }
    }
  }

  // Last, and in one go: nothing needs to be given back when memory is short.
  const taken = fresh.length > 0 ? await device.pool.acquire(fresh.map((f) => f.bytes)) : []
  fresh.forEach(({ number }, i) => {
    blocks[number] = taken[i]
    memories.set(number, { device: { device, block: taken[i] }, handles: 0 })
  })
  const copies = fresh.flatMap(({ from, bytes }, i) => (from ? [{ from, to: taken[i], bytes }] : []))
  return { blocks, memories, copies }
}
