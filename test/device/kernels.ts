import { memarg, op, sleb, uleb, type WasmFunction } from '../../compiler/kernel/wasm/binary.js'

/** Kernels written by hand, as WGSL and as WebAssembly. */
export interface Handmade {
  readonly name: string
  readonly bindings: readonly ('read' | 'read_write')[]
  /** What happens for element `i` of the buffers b0, b1, … */
  readonly wgsl: string
  readonly wasm: WasmFunction
}

type Code = readonly number[]
const [from, to, args] = [0, 1, 2]
const get = (local: number): Code => [...op.localGet, ...uleb(local)]
const i32 = (value: number): Code => [...op.i32Const, ...sleb(value)]
const f32 = (value: number): Code => [...op.f32Const, ...new Uint8Array(Float32Array.of(value).buffer)]
const [addI32, shiftLeft, lessThan, add, mul] = [[0x6a], [0x74], [0x49], [0x92], [0x94]]

/** The address of element `from` of a buffer. */
const address = (buffer: number): Code => [
  ...get(args),
  ...op.i32Load,
  ...memarg(2, 4 * buffer),
  ...get(from),
  ...i32(2),
  ...shiftLeft,
  ...addI32,
]
const element = (buffer: number): Code => [...address(buffer), ...op.f32Load, ...memarg(2, 0)]

/** A function that does this for every item. */
const forEachItem = (body: Code, locals: WasmFunction['locals'] = []): WasmFunction => ({
  params: ['i32', 'i32', 'i32', 'i32'],
  results: [],
  locals,
  code: [
    ...op.loop,
    ...body,
    ...get(from),
    ...i32(1),
    ...addI32,
    ...op.localTee,
    ...uleb(from),
    ...get(to),
    ...lessThan,
    ...op.brIf,
    ...uleb(0),
    ...op.end,
  ],
})
const store = (buffer: number, value: Code): WasmFunction =>
  forEachItem([...address(buffer), ...value, ...op.f32Store, ...memarg(2, 0)])

/** b1 = a · b0 + b */
export const linear = (a: number, b: number): Handmade => ({
  name: 'linear',
  bindings: ['read', 'read_write'],
  wgsl: `b1[i] = f32(${a}) * b0[i] + f32(${b});`,
  wasm: store(1, [...f32(a), ...element(0), ...mul, ...f32(b), ...add]),
})
/** b0 = 2 · b0 + 1 */
export const update: Handmade = {
  name: 'update',
  bindings: ['read_write'],
  wgsl: 'b0[i] = 2.0 * b0[i] + 1.0;',
  wasm: store(0, [...f32(2), ...element(0), ...mul, ...f32(1), ...add]),
}
/** b2 = b0 + b1 */
export const sum: Handmade = {
  name: 'sum',
  bindings: ['read', 'read', 'read_write'],
  wgsl: 'b2[i] = b0[i] + b1[i];',
  wasm: store(2, [...element(0), ...element(1), ...add]),
}
/** b1 = b1 + b0 */
export const accumulate: Handmade = {
  name: 'accumulate',
  bindings: ['read', 'read_write'],
  wgsl: 'b1[i] = b1[i] + b0[i];',
  wasm: store(1, [...element(1), ...element(0), ...add]),
}
/** b1 = not b0, of booleans */
export const not: Handmade = {
  name: 'not',
  bindings: ['read', 'read_write'],
  wgsl: 'b1[i] = bitcast<f32>(select(1u, 0u, bitcast<u32>(b0[i]) != 0u));',
  wasm: forEachItem([
    ...address(1),
    ...address(0),
    ...op.i32Load,
    ...memarg(2, 0),
    0x45, // i32.eqz
    ...op.i32Store,
    ...memarg(2, 0),
  ]),
}

/** b1 = b0 + 1, after so many turns of a loop. */
export const slow = (turns: number): Handmade => {
  const n = 4
  const wait: Code = [
    ...i32(turns),
    ...op.localSet,
    ...uleb(n),
    ...op.loop,
    ...get(n),
    ...i32(-1),
    ...addI32,
    ...op.localTee,
    ...uleb(n),
    ...op.brIf,
    ...uleb(0),
    ...op.end,
  ]
  return {
    ...linear(1, 1),
    name: 'slow',
    wasm: forEachItem(
      [...wait, ...address(1), ...element(0), ...f32(1), ...add, ...op.f32Store, ...memarg(2, 0)],
      ['i32'],
    ),
  }
}
/** Traps where b0 is 3. */
export const trap: Handmade = {
  ...linear(1, 0),
  name: 'trap',
  wasm: forEachItem([...element(0), ...f32(3), 0x5b, ...op.if, 0x00, ...op.end]), // f32.eq; unreachable
}
/** Never ends. */
export const endless: Handmade = {
  ...linear(1, 0),
  name: 'endless',
  wasm: forEachItem([...op.loop, ...op.br, ...uleb(0), ...op.end]),
}
