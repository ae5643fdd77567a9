import { layout } from '../../compiler/kernel/wasm/run.js'

/** Threads that a pool may have. */
export const maxThreads = 64

/**
 * The first bytes of a memory that threads share, beside those of `layout`: indices of 32-bit words, numbers that count up
 * modulo 2^32. A cache line has 16 words; what one side writes often has its own.
 */
export const control = {
  /** What `layout` calls progress: segments finished. */
  progress: layout.progress / 4,
  /** Changes when there is something new for the threads: a call, or a message. */
  bell: 48,
  /** Messages sent to each thread. */
  posted: 49,
  /** The number that the next call will get: all calls below it may be run. */
  queued: 50,
  /** Per thread, a line apart: the call that it is at or will be at next. */
  at: 64,
  /** The last calls, a line each; call n is at n modulo `ring`. More than may be unfinished. */
  calls: 64 + 16 * maxThreads,
  ring: 8,
  line: 16,
} as const

/** Words of a call's line. `base` is `progress` before its first segment; `number` is written first. */
export const callWords = ['number', 'first', 'count', 'base', 'module', 'scratch', 'stride'] as const

/** Bytes before the first block: a whole number of cache lines. */
export const reserved = 4 * (control.calls + control.line * control.ring)
