/**
 * Writes WebAssembly modules: https://webassembly.github.io/spec/core/binary/. Only what kernels need: functions in one table, one
 * imported memory, exports.
 */
export type ValType = 'i32' | 'f32' | 'v128'
const valTypes: Record<ValType, number> = { i32: 0x7f, f32: 0x7d, v128: 0x7b }

export interface WasmFunction {
  readonly params: readonly ValType[]
  readonly results: readonly ValType[]
  /** Beyond the parameters. */
  readonly locals: readonly ValType[]
  /** Instructions without the final `end`. */
  readonly code: readonly number[] | Uint8Array
}

export interface WasmModule {
  /** All of them are in the table, in this order. */
  readonly functions: readonly WasmFunction[]
  /** Functions; the table itself is exported as `table`. */
  readonly exports: Readonly<Record<string, number>>
  /** Whether the memory that is imported as `env.memory` is shared between threads. */
  readonly shared: boolean
}

/** Unsigned LEB128. */
export function uleb(n: number): number[] {
  const out: number[] = []
  let rest = n
  do {
    const byte = rest % 128
    rest = Math.floor(rest / 128)
    out.push(rest ? byte + 128 : byte)
  } while (rest)
  return out
}

/** Signed LEB128 of a 32-bit integer; u32 beyond 2^31 wraps. */
export function sleb(n: number): number[] {
  const out: number[] = []
  let rest = n | 0
  for (;;) {
    const byte = rest & 127
    rest >>= 7
    if ((rest === 0 && !(byte & 64)) || (rest === -1 && byte & 64)) {
      out.push(byte)
      return out
    }
    out.push(byte | 128)
  }
}

const vector = (items: readonly (readonly number[])[]): number[] => [...uleb(items.length), ...items.flat()]
const name = (text: string): number[] => [...uleb(text.length), ...[...text].map((c) => c.charCodeAt(0))]
const section = (id: number, bytes: readonly number[]): number[] => [id, ...uleb(bytes.length)].concat(bytes)

const typeKey = (f: WasmFunction): string => `${f.params}>${f.results}`

/** The module's bytes. */
export function encodeModule(module: WasmModule): Uint8Array<ArrayBuffer> {
  const keys = [...new Set(module.functions.map(typeKey))]
  const types = keys.map((key) => {
    const f = module.functions.find((x) => typeKey(x) === key)!
    const list = (ts: readonly ValType[]): number[] => vector(ts.map((t) => [valTypes[t]]))
    return [0x60, ...list(f.params), ...list(f.results)]
  })
  const count = module.functions.length
  const indices = module.functions.map((_, i) => uleb(i))
  // At least a page of memory; at most 4 GiB.
  const memory = [...name('env'), ...name('memory'), 0x02, module.shared ? 0x03 : 0x01, ...uleb(1), ...uleb(65536)]
  const head = [
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, vector(types)),
    ...section(2, vector([memory])),
    ...section(3, vector(module.functions.map((f) => uleb(keys.indexOf(typeKey(f)))))),
    ...section(4, vector([[0x70, 0x00, ...uleb(count)]])),
    ...section(
      7,
      vector([
        [...name('table'), 0x01, 0x00],
        ...Object.entries(module.exports).map(([as, index]) => [...name(as), 0x00, ...uleb(index)]),
      ]),
    ),
    ...section(9, vector([[0x00, 0x41, 0x00, 0x0b, ...vector(indices)]])),
  ]
  const bodies = module.functions.flatMap(encodeBody)
  const codeBytes = bodies.reduce((n, b) => n + b.length, 0)
  const codeHead = [10, ...uleb(codeBytes + uleb(count).length), ...uleb(count)]
  const out = new Uint8Array(head.length + codeHead.length + codeBytes)
  out.set(head)
  out.set(codeHead, head.length)
  let at = head.length + codeHead.length
  for (const body of bodies) {
    out.set(body, at)
    at += body.length
  }
  return out
}

/** A function's entry in the code section, in parts. */
function encodeBody(f: WasmFunction): (readonly number[] | Uint8Array)[] {
  const runs: [ValType, number][] = []
  for (const t of f.locals) {
    const last = runs[runs.length - 1]
    if (last?.[0] === t) last[1]++
    else runs.push([t, 1])
  }
  const locals = vector(runs.map(([t, n]) => [...uleb(n), valTypes[t]]))
  return [[...uleb(locals.length + f.code.length + 1), ...locals], f.code, op.end]
}

/** Opcodes by the name the specification gives them; SIMD and atomic instructions carry their prefix. */
const simd = (n: number): number[] => [0xfd, ...uleb(n)]
const atomic = (n: number): number[] => [0xfe, n]
export const op = {
  block: [0x02, 0x40],
  loop: [0x03, 0x40],
  if: [0x04, 0x40],
  /** Leaves an i32. */
  ifI32: [0x04, 0x7f],
  else: [0x05],
  end: [0x0b],
  br: [0x0c],
  brIf: [0x0d],
  return: [0x0f],
  callIndirect: [0x11],
  drop: [0x1a],
  select: [0x1b],
  localGet: [0x20],
  localSet: [0x21],
  localTee: [0x22],
  i32Load: [0x28],
  f32Load: [0x2a],
  i32Store: [0x36],
  f32Store: [0x38],
  i32Const: [0x41],
  f32Const: [0x43],
  i32AtomicNotify: atomic(0x00),
  i32AtomicWait: atomic(0x01),
  i32AtomicLoad: atomic(0x10),
  i32AtomicStore: atomic(0x17),
  i32AtomicAdd: atomic(0x1e),
  i32Load8S: [0x2c],
  i32Load8U: [0x2d],
  i32Load16U: [0x2f],
  i32Store8: [0x3a],
  i32Store16: [0x3b],
  v128Load: simd(0),
  v128Load16x4U: simd(4),
  v128Load32Zero: simd(0x5c),
  v128Store32Lane: simd(0x5a),
  v128Store64Lane: simd(0x5b),
  v128Load32Splat: simd(9),
  v128Store: simd(11),
  v128Const: simd(12),
  i8x16Shuffle: simd(13),
} as const

/** Alignment (log 2) and offset of a memory instruction. */
export const memarg = (align: number, offset: number): number[] => [align, ...uleb(offset)]
