import type { Program } from '../../compiler/ir/program.js'
import { layout } from '../../compiler/kernel/wasm/run.js'
import type { Block, Copy } from '../device.js'
import { writeCode } from './code.js'
import { createImage } from './image.js'
import { addressOf } from './pool.js'
import { itemsOf, type Segment } from './schedule.js'
import { type Stamps, stampsIn } from './stamps.js'

/** What a program's table is, in words: the same for every table of the program. */
export interface TableShape {
  readonly bytes: number
  readonly segments: readonly Segment[]
  /** Of the arguments of copies, and how many fit. */
  readonly copies: { readonly at: number; readonly room: number }
  /** By buffer number: the words that hold its address. */
  readonly places: readonly (readonly number[])[]
  /** The words before a call, and those among them that hold the place of another word. */
  readonly words: readonly number[]
  readonly pointers: readonly number[]
  readonly stamps?: Stamps
}

const { segment, copy } = layout
const word = (offset: number): number => offset / 4
const [segmentWords, copyWords] = [word(segment.bytes), word(copy.bytes)]
/** What a call changes in a segment. */
const counts = [segment.next, segment.done, segment.current, segment.phase].map(word)
/** A kernel's number that means copies. */
const copying = -1

/** A table begins with a segment for copies and the program's segments; what they point to follows. `timed`: code stamps times. */
export function tableShape(program: Program, segments: readonly Segment[], timed: boolean): TableShape {
  const image = createImage(program)
  image.reserve(segmentWords * (segments.length + 1))
  const room = program.outputs.filter((o) => o.donated).length
  const copies = { at: image.reserve(copyWords * room), room }
  const copiesDispatch = image.reserve(word(layout.dispatch.bytes))
  image.set(copiesDispatch + word(layout.dispatch.kernel), copying)
  image.point(copiesDispatch + word(layout.dispatch.args), copies.at)
  image.writeSegment(0, { dispatches: copiesDispatch, count: 1, items: 0, grain: 1, after: 0 })
  const stamps = timed ? stampsIn(image, program) : undefined
  segments.forEach(({ work, after }, i) => {
    // Copies, if there are any, are before everything.
    const begin = { after: segmentWords * (after + 1) }
    const at = segmentWords * (i + 1)
    if (!('kind' in work)) {
      const first = image.dispatches(work.map((d) => ({ ...d, items: itemsOf(d) })))
      const parts = work.length > 1 ? { items: 1, grain: 1 } : { items: itemsOf(work[0]), grain: work[0].grain ?? 1 }
      image.writeSegment(at, { dispatches: first, count: work.length, ...parts, ...begin })
    } else
      image.writeSegment(at, {
        dispatches: 0,
        count: 0,
        items: 1,
        grain: 1,
        ...begin,
        code: writeCode(image, program, work, stamps?.after),
      })
  })
  const { words, pointers, places } = image
  return { bytes: 4 * words.length, segments, copies, places, words, pointers, stamps }
}

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
export function createTable({ words: image, pointers, places }: TableShape, address: number, words: Int32Array): Table {
  words.set(image)
  for (const at of pointers) words[at] = address + 4 * words[at]
  return { address, words, current: places.map(() => undefined) }
}

/** Makes a table ready for a call over these blocks. Returns the call's first segment and the number of its segments. */
export function fillTable(
  { segments, copies, places }: TableShape,
  { address, words, current }: Table,
  blocks: readonly (Block | undefined)[],
  moves: readonly Copy[],
): { readonly first: number; readonly count: number } {
  for (let i = 0, at = 0; i <= segments.length; i++, at += segmentWords)
    for (const count of counts) words[at + count] = 0
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
