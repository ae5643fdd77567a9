import type { Program } from '../../compiler/ir/program.js'
import { layout } from '../../compiler/kernel/wasm/run.js'
import type { DispatchTime } from '../device.js'
import type { Image } from './image.js'
import type { Segment } from './schedule.js'

/**
 * Times of dispatches, for profiles. A program that is timed is one piece of control flow, so that nothing overlaps, in which
 * each dispatch is followed by a stamp: a kernel in JavaScript, last in the module's table, which adds the time since the
 * stamp before to its record in memory. What a program computes, and its kernels, stay as they are.
 */

/** A record: the time in all, when the first began (both f64), how many, and the address of the record that holds the last stamp's time. */
const record = { ms: 0, begin: 8, runs: 16, last: 20, bytes: 24 } as const

/**
 * Script of a thread: `addStamps(table, memory)`. All threads read one clock: each has a `performance` of its own. Code that only
 * passes a function on makes one of JavaScript fit for a table: (i32, i32, i32, i32) → ().
 */
export const stampsSource = `
const clock = typeof process === 'object' && process.hrtime
  ? () => { const [s, ns] = process.hrtime(); return s * 1e3 + ns / 1e6 }
  : () => performance.timeOrigin + performance.now()
function addStamps(table, memory) {
  let view = new DataView(memory.buffer)
  const stamp = (from, to, args) => {
    const now = clock()
    const at = args >>> 0
    if (at + ${record.bytes} > view.byteLength) view = new DataView(memory.buffer)
    const last = view.getUint32(at + ${record.last}, true)
    if (last === at) view.setFloat64(at + ${record.begin}, now, true)
    else {
      const before = view.getFloat64(last, true)
      view.setFloat64(at, view.getFloat64(at, true) + now - before, true)
      const runs = view.getUint32(at + ${record.runs}, true)
      if (runs === 0) view.setFloat64(at + ${record.begin}, before, true)
      view.setUint32(at + ${record.runs}, runs + 1, true)
    }
    view.setFloat64(last, clock(), true)
  }
  const passOn = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 8, 1, 96, 4, 127, 127, 127, 127, 0, 2, 7, 1, 1, 101, 1, 115, 0, 0, 7, 5, 1, 1, 115, 0, 0])
  table.set(table.grow(1), new WebAssembly.Instance(new WebAssembly.Module(passOn), { e: { s: stamp } }).exports.s)
}`

/** The whole program as one step of control flow. */
export const timedSegments = (program: Program): Segment[] =>
  program.dispatches.length === 0
    ? []
    : [{ work: { kind: 'loop', count: 1, body: program.steps ?? [...program.dispatches.keys()] }, after: 0 }]

/** Records in a table, one a dispatch. */
export interface Stamps {
  /** The place of the stamp that follows a dispatch; of the first of all, for none. */
  after(dispatch?: number): number
  /** Makes the table ready for a call. */
  clear(words: Int32Array): void
  /** The times of a call, from the table's bytes after it. */
  read(table: ArrayBuffer): DispatchTime[]
}

export function stampsIn(image: Image, program: Program): Stamps {
  const words = record.bytes / 4
  const records = Array.from({ length: program.dispatches.length + 1 }, () => image.reserve(words, 2))
  const start = records[program.dispatches.length]
  for (const at of records) image.point(at + record.last / 4, start)
  const places = records.map((at) => {
    const place = image.reserve(layout.dispatch.bytes / 4)
    // After the kernels there is `run`, and then the stamp.
    image.set(place + layout.dispatch.kernel / 4, program.kernels.length + 1)
    image.point(place + layout.dispatch.args / 4, at)
    return place
  })
  return {
    after: (dispatch = program.dispatches.length) => places[dispatch],
    clear(table) {
      for (const at of records) table.fill(0, at, at + record.last / 4)
    },
    read(bytes) {
      const view = new DataView(bytes)
      const begin = (at: number): number => view.getFloat64(4 * at + record.begin, true)
      return program.dispatches.map((_, i) => {
        const at = 4 * records[i]
        const runs = view.getUint32(at + record.runs, true)
        return { runs, ms: view.getFloat64(at, true), begin: runs ? begin(records[i]) - begin(start) : 0 }
      })
    },
  }
}
