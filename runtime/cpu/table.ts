import type { Program } from '../../compiler/ir/program.js'
import { layout } from '../../compiler/kernel/wasm/run.js'
import type { Block, Copy } from '../device.js'
import { addressOf } from './pool.js'
import { itemsOf, type Segment } from './schedule.js'

/** Where a program's table has what, in words: the same for every table of the program. */
export interface TableShape {
  readonly bytes: number
  readonly segments: readonly Segment[]
  /** Of the arguments of copies, and how many fit. */
  readonly copies: { readonly at: number; readonly room: number }
  /** By buffer number: the words that hold its address. */
  readonly places: readonly (readonly number[])[]
}

const { segment, dispatch, copy } = layout
const [segmentWords, dispatchWords, copyWords] = [segment.bytes / 4, dispatch.bytes / 4, copy.bytes / 4]
const word = (offset: number): number => offset / 4
const [next, done] = [word(segment.next), word(segment.done)]
/** A kernel's number that means copies. */
const copying = -1

/**
 * A table is: a segment for copies, the program's segments, a dispatch for copies, the program's dispatches, their
 * arguments, the arguments of copies.
 */
export function tableShape(program: Program, segments: readonly Segment[]): TableShape {
  const places: number[][] = program.buffers.map(() => [])
  let at = firstDispatch(segments.length) + dispatchWords * segments.reduce((n, s) => n + s.dispatches.length, 1)
  for (const d of segments.flatMap((s) => s.dispatches)) for (const number of d.buffers) places[number].push(at++)
  const room = program.outputs.filter((o) => o.donated).length
  return { bytes: 4 * (at + copyWords * room), segments, copies: { at, room }, places }
}

const firstDispatch = (segments: number): number => segmentWords * (segments + 1)

/** A table of one call at a time. */
export interface Table {
  readonly address: number
  readonly words: Int32Array
  /** The addresses that are in it, by buffer number. */
  readonly current: (number | undefined)[]
  /** The last call that used it. */
  call?: number
}

/** Writes what is the same in every call. */
export function createTable({ segments, copies, places }: TableShape, address: number, words: Int32Array): Table {
  const pointer = (at: number): number => address + 4 * at
  let [at, d, args] = [0, firstDispatch(segments.length), 0]
  const addSegment = (count: number, items: number, grain: number, after: number): void => {
    words[at + word(segment.dispatches)] = pointer(d)
    words[at + word(segment.count)] = count
    words[at + word(segment.items)] = items
    words[at + word(segment.grain)] = grain
    words[at + word(segment.after)] = pointer(segmentWords * after)
    at += segmentWords
  }
  const addDispatch = (kernel: number, items: number, first: number): void => {
    words[d + word(dispatch.kernel)] = kernel
    words[d + word(dispatch.items)] = items
    words[d + word(dispatch.args)] = pointer(first)
    d += dispatchWords
  }
  addSegment(1, 0, 1, 0)
  addDispatch(copying, 0, copies.at)
  args = firstDispatch(segments.length) + dispatchWords * segments.reduce((n, s) => n + s.dispatches.length, 1)
  for (const { dispatches, after } of segments) {
    const row = dispatches.length > 1
    // Copies, if there are any, are before everything.
    addSegment(
      dispatches.length,
      row ? 1 : itemsOf(dispatches[0]),
      row ? 1 : Math.min(dispatches[0].grain ?? 1, itemsOf(dispatches[0])),
      after + 1,
    )
    for (const x of dispatches) {
      addDispatch(x.kernel, itemsOf(x), args)
      args += x.buffers.length
    }
  }
  return { address, words, current: places.map(() => undefined) }
}

/** Makes a table ready for a call over these blocks. Returns the call's first segment and the number of its segments. */
export function fillTable(
  { segments, copies, places }: TableShape,
  { address, words, current }: Table,
  blocks: readonly (Block | undefined)[],
  moves: readonly Copy[],
): { readonly first: number; readonly count: number } {
  for (let i = 0, at = 0; i <= segments.length; i++, at += segmentWords) {
    words[at + next] = 0
    words[at + done] = 0
  }
  for (let number = 0; number < places.length; number++) {
    const block = blocks[number]
    if (!block || places[number].length === 0) continue
    const at = addressOf(block)
    // Most are where they were.
    if (current[number] === at) continue
    current[number] = at
    for (const place of places[number]) words[place] = at
  }
  words[word(segment.items)] = moves.length
  moves.forEach(({ from, to, bytes }, i) => {
    const at = copies.at + copyWords * i
    words[at + word(copy.from)] = addressOf(from)
    words[at + word(copy.to)] = addressOf(to)
    words[at + word(copy.length)] = bytes
  })
  const some = moves.length > 0
  return { first: some ? address : address + segment.bytes, count: segments.length + (some ? 1 : 0) }
}
