import { isNode } from '../choose.js'

/** What this host's WebAssembly can do that programs use. */
export interface Features {
  readonly simd: boolean
  /** Has a fused multiply-add. */
  readonly relaxed: boolean
  /** Threads may share a memory. */
  readonly shared: boolean
}

/** A module with one function without parameters, whose body is these instructions. */
const moduleOf = (...code: number[]): Uint8Array<ArrayBuffer> =>
  Uint8Array.of(
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...[0x01, 0x04, 0x01, 0x60, 0x00, 0x00], // a type: () → ()
    ...[0x03, 0x02, 0x01, 0x00], // a function of it
    ...[0x0a, code.length + 5, 0x01, code.length + 3, 0x00, ...code, 0x1a, 0x0b], // its code, drop, end
  )
const zero = [0x41, 0x00, 0xfd, 0x0f] // i32.const 0, i8x16.splat
const simd = moduleOf(...zero)
const relaxedSimd = moduleOf(...zero, ...zero, ...zero, 0xfd, 0x85, 0x02) // f32x4.relaxed_madd

/** Looks, and turns relaxed SIMD on where Node has it and keeps it off. */
export async function findFeatures(): Promise<Features> {
  const node = isNode()
  if (node && !WebAssembly.validate(relaxedSimd)) {
    // V8 11.3, which Node 20 has, carries all of it behind a flag; from V8 11.4 on there is none. A flag that V8 doesn't know
    // would be a line on stderr.
    const [major, minor] = process.versions.v8.split('.').map(Number)
    if (major === 11 && minor === 3) (await import('node:v8')).setFlagsFromString('--experimental-wasm-relaxed-simd')
  }
  return {
    simd: WebAssembly.validate(simd),
    relaxed: WebAssembly.validate(relaxedSimd),
    // A page gets shared memory by two headers: https://developer.mozilla.org/docs/Web/API/Window/crossOriginIsolated
    shared: node || (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === true,
  }
}
