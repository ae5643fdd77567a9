import type { Operand } from './matmul-operand.js'

/** How a product of a matrix of `rows` with one of `columns` (both as lines along the summed dims) is cut up. */
export interface Tiling {
  /**
   * broadcast: an element of a row times a vector of four columns. dot: four steps of a row times four of a column, summed
   * across at the end.
   */
  readonly form: 'broadcast' | 'dot'
  /** Sums in registers: rows × fours of columns. */
  readonly rows: number
  readonly quads: number
  /** An item: rows, fours of columns, and products of the batch. */
  readonly band: number
  readonly strip: number
  readonly entries: number
  /** Steps between which sums rest in memory. */
  readonly depth: number
  /** Where rows are read: in their own place, or copied, line after line or as panels of four lines side by side. */
  readonly rowsIn: 'place' | 'lines' | 'panels'
  readonly columnsIn: 'place' | 'panels'
}

/** What the choice depends on. */
export type Side = Pick<Operand, 'lines' | 'steps' | 'strides' | 'run' | 'four' | 'work'>

/** Cycles below which more items don't pay: some 10 µs. */
const smallItem = 28_000
/** Cycles to begin an item. */
const itemStart = 1_500
/** Numbers of threads that an item count should suit, and the part of an item that others wait for the last thread. */
const [threads, waiting] = [[1, 2, 3, 4], 0.25]
/** Elements of a second-level cache, less room for what passes through, and what a thread keeps in it. */
const [secondLevel, mostKept] = [200_000, 130_000]
/** Steps of a panel that stays in the first-level cache; fewer where panels of both operands share the second. */
const mostDepth = { broadcast: 512, packed: 256, dot: 1024 }
/** Rows up to which columns that lie side by side are not worth copying, and steps of them that are read at a time. */
const [fewRows, fewSteps] = [8, 8]
/** Elements of a page of memory. */
const page = 1024

/**
 * Sums that fit the registers with the operands of a step: V8 loads all of them before it multiplies. Each sum's next addition
 * waits 4 cycles for the one before, and two are begun in a cycle, so eight sums are enough.
 */
const registerTiles: readonly (readonly [rows: number, quads: number])[] = [
  [4, 2],
  [3, 3],
  [2, 4],
  [1, 6],
  [6, 1],
  [3, 2],
  [2, 3],
  [2, 2],
  [1, 5],
  [1, 4],
  [1, 3],
  [1, 2],
  [4, 1],
  [3, 1],
  [2, 1],
  [1, 1],
]

/** Of 16, V8 keeps one to itself; without fused multiply-add a product takes another. */
const registersFor = (fused: boolean): number => (fused ? 15 : 14)

type Way = Pick<Tiling, 'form' | 'rows' | 'quads' | 'rowsIn' | 'columnsIn' | 'depth'>

/**
 * Chooses by an estimate of the cycles of a processor with two 128-bit multipliers, 32 KB of first-level and 1 MB of second-level
 * cache: first how sums are made, then how they are shared out. `fused`: there is a fused multiply-add.
 */
export function tilingOf(rows: Side, columns: Side, batch: number, epilogue: number, fused: boolean): Tiling {
  const fours = Math.ceil(columns.lines / 4)
  const estimate = (way: Way, band: number, strip: number): number => cycles(rows, columns, epilogue, way, band, strip)
  let best: { tiling: Tiling; time: number } | undefined
  for (const way of bestOfEachForm(waysOf(rows, columns, registersFor(fused)), (w) =>
    estimate(w, Math.max(1, rows.lines), Math.max(1, fours)),
  ))
    for (const band of cuts(rows.lines, way.rows))
      for (const strip of cuts(fours, way.quads)) {
        const items = Math.max(1, Math.ceil(rows.lines / band) * Math.ceil(fours / strip))
        const all = estimate(way, band, strip)
        if (items > 1 && all / items < smallItem) continue
        const entries = items > 1 ? 1 : entriesOf(all, batch)
        const count = items * Math.ceil(batch / entries)
        const each = (all / items) * entries + itemStart
        const fits = scratchOf(way, band, strip) <= mostKept ? 1 : 100
        const turns = threads.reduce((sum, n) => sum + n * (Math.ceil(count / n) + (n > 1 ? waiting : 0)), 0)
        const time = fits * turns * each
        if (!best || time < best.time) best = { tiling: { ...way, band, strip, entries }, time }
      }
  return best!.tiling
}

/** The cheapest way of either form: how an item reads the other operand again decides between them. */
function bestOfEachForm(ways: readonly Way[], cost: (way: Way) => number): Way[] {
  const best = new Map<Way['form'], { way: Way; cost: number }>()
  for (const way of ways) {
    const mine = cost(way)
    if (mine < (best.get(way.form)?.cost ?? Number.POSITIVE_INFINITY)) best.set(way.form, { way, cost: mine })
  }
  return [...best.values()].map(({ way }) => way)
}

/** Products of the batch that an item takes: evenly, and enough of them. */
function entriesOf(each: number, batch: number): number {
  const items = Math.ceil(batch / Math.max(1, Math.ceil(smallItem / (each + 1))))
  return Math.max(1, Math.ceil(batch / Math.max(1, items)))
}

function waysOf(rows: Side, columns: Side, registers: number): Way[] {
  const { lines, steps } = rows
  const fours = Math.ceil(columns.lines / 4)
  const ways: Way[] = []
  if (columns.strides.step === 1 && steps >= 4 && (rows.strides.step === 1 || rows.four === 'steps' || lines < 4)) {
    const rowsIn = rows.strides.step === 1 ? 'place' : 'lines'
    const depth = depthOf(steps, mostDepth.dot)
    ways.push({ form: 'dot', rows: Math.max(1, Math.min(2, lines)), quads: 1, rowsIn, columnsIn: 'place', depth })
  }
  const rowsIn = rowsPlace(rows)
  const columnsIn = readableInPlace(rows, columns) ? 'place' : 'panels'
  // A few steps at a time, from end to end, where columns are read in their place and each step is on another page.
  const farApart = columnsIn === 'place' && columns.strides.step! >= page
  const both = rowsIn === 'panels' && columnsIn === 'panels'
  const near = rowsIn === 'place' && columnsIn === 'place' ? steps : mostDepth[both ? 'packed' : 'broadcast']
  const depth = depthOf(steps, farApart ? fewSteps : near, farApart ? 4 : Math.max(inRuns(rows), inRuns(columns)))
  for (const [r, q] of registerTiles) {
    if (r > Math.max(1, lines) || q > Math.max(1, fours) || (rowsIn === 'panels' && r !== 4)) continue
    if (r * q + r + q <= registers) ways.push({ form: 'broadcast', rows: r, quads: q, rowsIn, columnsIn, depth })
  }
  return ways
}

/** Even parts of at most `most` steps, in multiples of `unit`. */
const depthOf = (steps: number, most: number, unit = 4): number =>
  steps <= most ? Math.max(1, steps) : Math.ceil(steps / Math.ceil(steps / most) / unit) * unit
const inRuns = ({ run, steps }: Side): number => (run < steps && run <= mostDepth.packed ? run : 4)

/** What the whole product takes, cut into bands and strips. */
function cycles(rows: Side, columns: Side, epilogue: number, way: Way, band: number, strip: number): number {
  const [R, C, K] = [rows.lines, columns.lines, rows.steps]
  const fours = Math.ceil(C / 4)
  const [bands, strips, blocks] = [R / band, fours / strip, K / way.depth].map(Math.ceil)
  const [groups, panels] = [Math.ceil(R / way.rows), Math.ceil(fours / way.quads)]
  const [loads, sums] = way.form === 'dot' ? [way.rows + 4, 4 * way.rows] : [way.rows + way.quads, way.rows * way.quads]
  const step = Math.max(4, sums / 2, loads / 2, (sums + loads + 7) / 5.5)
  const turns = way.form === 'dot' ? K / 4 : K
  const tile =
    turns * step +
    blocks * (4 + sums / 2 + (way.form === 'dot' ? 4 : 0)) +
    (blocks > 1 ? blocks * way.rows * way.quads : 0)
  // What an item reads the first time comes from afar.
  const fetched = (times: number, lines: number): number => (lines * K > secondLevel ? (times * lines * K) / 8 : 0)
  const copied = (times: number, side: Side, turned: boolean): number =>
    (times * side.lines * K * (side.work + (turned ? 7 : 3))) / 16
  return (
    groups * panels * tile +
    (way.columnsIn === 'place' ? fetched(bands, C) : copied(bands, columns, columns.four === 'steps')) +
    (way.rowsIn === 'place' ? fetched(strips, R) : copied(strips, rows, false)) +
    (R * fours * (epilogue + 3)) / 4
  )
}

const scratchOf = (way: Way, band: number, strip: number): number =>
  (way.columnsIn === 'panels' ? 4 * strip * way.depth : 0) +
  // Read again for each panel of columns, or copied.
  (way.rowsIn === 'place' && way.form === 'broadcast' ? 0 : band * way.depth) +
  (way.form === 'dot' || way.columnsIn === 'panels' ? 4 * strip * band : 0)

/** Sizes of parts, in units of `unit`, that cut `n` evenly. */
function cuts(n: number, unit: number): Set<number> {
  const units = Math.max(1, Math.ceil(n / unit))
  const sizes = new Set<number>()
  for (let parts = 1; parts <= units && parts <= 4096; parts = Math.ceil(parts * 1.25))
    sizes.add(unit * Math.ceil(units / parts))
  return sizes
}

function rowsPlace({ lines, steps, strides, four }: Side): Tiling['rowsIn'] {
  if (strides.step !== null && (strides.step <= 1 || lines <= 4 || staysInCache(steps, strides.step, 1))) return 'place'
  return four === 'lines' && lines >= 4 ? 'panels' : 'lines'
}

function readableInPlace({ lines }: Side, columns: Side): boolean {
  const { line, step } = columns.strides
  const width = Math.ceil(columns.lines / 16)
  return line === 1 && step !== null && (lines <= fewRows || staysInCache(columns.steps, step, width))
}

/** Whether half of a first-level cache of 64 sets of 8 lines holds `n` pieces of so many cache lines, `stride` elements apart. */
function staysInCache(n: number, stride: number, lines: number): boolean {
  const apart = stride / 16
  const sets = Number.isInteger(apart) && apart >= lines ? 64 / gcd(apart, 64) : 64
  return n * Math.min(lines, apart) <= 256 && n <= 4 * sets
}
const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))
