import type { Calls } from './calls.js'

/** A run of a program's segments (`compiler/kernel/wasm/run.ts`). */
export interface Call {
  readonly module: number
  /** The segments, dispatches and arguments, and where they lie in memory. */
  readonly table: Int32Array
  readonly address: number
  /** Of the first segment, and their number. */
  readonly first: number
  readonly count: number
  /** Address of the threads' own memory, and bytes apiece. */
  readonly scratch: number
  readonly stride: number
}

/** Threads that run calls over one WebAssembly memory, in order. Addresses and sizes are in bytes. */
export interface Engine {
  readonly threads: number
  readonly calls: Calls
  /** The most that the memory can have. */
  readonly limit: number
  /** Adds so many bytes, whole pages, to the memory; false: there are no more. */
  grow(bytes: number): Promise<boolean>
  /** Writes to memory that no unfinished call uses. */
  write(address: number, bytes: Uint8Array<ArrayBuffer>): void
  /** Reads what the calls submitted before leave there. */
  read(address: number, bytes: number): Promise<ArrayBuffer>
  /** The words of a table to be: in memory, or apart where only a thread can write to it. */
  table(address: number, bytes: number): Int32Array
  /** Makes a module known to all threads, by the number returned. `timed`: its table ends with a kernel that stamps times (`stamps.ts`). */
  load(module: WebAssembly.Module, timed: boolean): number
  unload(module: number): void
  submit(call: Call): void
  /** True if no thread looks at the table of this call any more. */
  left(call: number): boolean
  /** Ends all threads, once. */
  end(): Promise<unknown>
}

/** What an engine tells its device. */
export interface Events {
  /** Some calls have ended. */
  settle(): void
  /** The engine can't go on. `stack` is that of the kernel that failed, of this module. */
  failed(why: string, stack?: string, module?: number): void
}

export const pageBytes = 65536
/** A memory's first pages: 16 MiB. */
export const initialPages = 256
