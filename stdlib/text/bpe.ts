/** A word as symbol ids, and how often it occurs. */
export interface Word {
  symbols: number[]
  readonly count: number
}

interface Pair {
  readonly left: number
  readonly right: number
  count: number
  /** The words that hold it, or once did. */
  readonly words: Set<number>
}

/**
 * Byte-pair encoding (Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword Units", 2016):
 * again and again joins the most frequent pair of neighbours, until there are `limit` new symbols or no pair occurs twice.
 * Of equally frequent pairs the one with the smallest ids goes first, so equal input gives equal merges.
 *
 * @param words unique words; changed in place
 * @param join the id of two symbols joined, given their ids: a new one unless that text is a symbol already
 */
export function trainMerges(
  words: readonly Word[],
  limit: number,
  join: (left: number, right: number) => { readonly id: number; readonly isNew: boolean },
): [number, number][] {
  const pairs = new Map<number, Pair>()
  const heap: Ranked[] = []
  const touched = new Set<Pair>()
  const add = (left: number, right: number, word: number, times: number): void => {
    const key = left * 2 ** 26 + right
    let pair = pairs.get(key)
    if (!pair) pairs.set(key, (pair = { left, right, count: 0, words: new Set() }))
    pair.count += times
    if (times > 0) pair.words.add(word)
    touched.add(pair)
  }
  const settle = (): void => {
    for (const pair of touched) if (pair.count > 1) push(heap, { pair, count: pair.count })
    touched.clear()
  }
  words.forEach(({ symbols, count }, w) => {
    for (let i = 0; i + 1 < symbols.length; i++) add(symbols[i], symbols[i + 1], w, count)
  })
  settle()

  const merges: [number, number][] = []
  for (let made = 0; made < limit; ) {
    const best = pop(heap)
    if (!best) break
    const { pair } = best
    if (pair.count !== best.count) continue // Counted anew since: a fresher entry stands elsewhere in the heap.
    const joined = join(pair.left, pair.right)
    if (joined.isNew) made++
    merges.push([pair.left, pair.right])
    for (const w of pair.words) {
      const { symbols, count } = words[w]
      for (let i = 0; i + 1 < symbols.length; i++) add(symbols[i], symbols[i + 1], w, -count)
      words[w].symbols = replace(symbols, pair, joined.id)
      for (let i = 0; i + 1 < words[w].symbols.length; i++) add(words[w].symbols[i], words[w].symbols[i + 1], w, count)
    }
    settle()
  }
  return merges
}

function replace(symbols: readonly number[], { left, right }: Pair, joined: number): number[] {
  const out: number[] = []
  for (let i = 0; i < symbols.length; i++) {
    if (symbols[i] === left && symbols[i + 1] === right) {
      out.push(joined)
      i++
    } else out.push(symbols[i])
  }
  return out
}

/** A heap entry holds the count at the time it was pushed; it is stale once the pair's own differs. */
interface Ranked {
  readonly pair: Pair
  readonly count: number
}

const goesBefore = (a: Ranked, b: Ranked): boolean =>
  a.count !== b.count
    ? a.count > b.count
    : a.pair.left !== b.pair.left
      ? a.pair.left < b.pair.left
      : a.pair.right < b.pair.right

function push(heap: Ranked[], item: Ranked): void {
  let at = heap.length
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!goesBefore(item, heap[parent])) break
    heap[at] = heap[parent]
    at = parent
  }
  heap[at] = item
}

function pop(heap: Ranked[]): Ranked | undefined {
  const top = heap[0]
  const last = heap.pop()
  if (!last || heap.length === 0) return top
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && goesBefore(heap[child + 1], heap[child])) child++
    if (!goesBefore(heap[child], last)) break
    heap[at] = heap[child]
    at = child
  }
  heap[at] = last
  return top
}
