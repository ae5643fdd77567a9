import type { Program } from '../../compiler/ir/program.js'
import { layout } from '../../compiler/kernel/wasm/run.js'

/** A table as it is in every call, wherever it lies: words, some of which point to others. Places are numbers of words. */
export interface Image {
  /** So many words in a row, at a multiple of `align`. */
  reserve(words: number, align?: number): number
  set(at: number, value: number): void
  /** The word holds the address of another. */
  point(at: number, to: number): void
  word(): number
  /** Dispatches in a row, with their arguments elsewhere. */
  dispatches(
    list: readonly { readonly kernel: number; readonly items: number; readonly buffers: readonly number[] }[],
  ): number
  segment(parts: SegmentParts): number
  writeSegment(at: number, parts: SegmentParts): void
  /** A word that holds the address of a buffer. */
  place(buffer: number): number
  /** By buffer number: the words that hold its address. */
  readonly places: readonly (readonly number[])[]
  /** The words, and which of them are places. */
  readonly words: readonly number[]
  readonly pointers: readonly number[]
}

export interface SegmentParts {
  readonly dispatches: number
  readonly count: number
  readonly items: number
  readonly grain: number
  readonly after?: number
  readonly code?: number
}

const word = (offset: number): number => offset / 4
const { segment, dispatch } = layout

export function createImage({ buffers }: Pick<Program, 'buffers'>): Image {
  const words: number[] = []
  const pointers: number[] = []
  const places = buffers.map((): number[] => [])
  const image: Image = {
    words,
    pointers,
    places,
    reserve(count, align = 1) {
      while (words.length % align) words.push(0)
      const at = words.length
      for (let i = 0; i < count; i++) words.push(0)
      return at
    },
    set(at, value) {
      words[at] = value
    },
    point(at, to) {
      words[at] = to
      pointers.push(at)
    },
    word: () => image.reserve(1),
    dispatches(list) {
      const first = image.reserve(list.length * word(dispatch.bytes))
      list.forEach(({ kernel, items, buffers: numbers }, n) => {
        const at = first + n * word(dispatch.bytes)
        words[at + word(dispatch.kernel)] = kernel
        words[at + word(dispatch.items)] = items
        const args = image.reserve(numbers.length)
        image.point(at + word(dispatch.args), args)
        numbers.forEach((number, i) => {
          places[number].push(args + i)
        })
      })
      return first
    },
    segment(parts) {
      // Threads write to it: it has its own cache line.
      const at = image.reserve(word(segment.bytes), word(segment.bytes))
      image.writeSegment(at, parts)
      return at
    },
    writeSegment(at, { dispatches: first, count, items, grain, after, code }) {
      image.point(at + word(segment.dispatches), first)
      words[at + word(segment.count)] = count
      words[at + word(segment.items)] = items
      words[at + word(segment.grain)] = Math.min(grain, Math.max(1, items))
      if (after !== undefined) image.point(at + word(segment.after), after)
      if (code !== undefined) image.point(at + word(segment.code), code)
    },
    place(buffer) {
      const at = image.word()
      places[buffer].push(at)
      return at
    },
  }
  return image
}
