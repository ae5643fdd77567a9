import { encodeModule, type WasmFunction } from './binary.js'
import { withRun } from './run.js'

/**
 * A program's module: its kernels' functions in the table, in order, and the exported function `run`, which goes through a table of
 * dispatches in memory; each kernel is exported too, as k0, k1, …, for who runs them one by one. `shared`: threads share the memory that is imported as `env.memory`.
 */
export function printModule(kernels: readonly WasmFunction[], shared: boolean): Uint8Array<ArrayBuffer> {
  const { functions, exports } = withRun(kernels)
  return encodeModule({
    functions,
    exports: { ...exports, ...Object.fromEntries(kernels.map((_, i) => [`k${i}`, i])) },
    shared,
  })
}
