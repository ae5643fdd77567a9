import { wideOf } from '../ir/dtype.js'
import type { Target } from '../ir/program.js'
import type { Accumulate } from '../ops/cumulative.js'
import { type Group, type Grouping, inMemoryFor } from '../pass/group.js'
import { strided } from '../pass/strided.js'
import { type Buffers, buffers, finish, grid, groupIndex, type Lowered } from './build.js'
import { combined, neutral } from './combine.js'
import { type Expr, type Exprs, type ExprType, exprs, stridedIndex } from './expr.js'
import { narrowed } from './narrow.js'

/** Where a running total is: which line, which of its blocks, which element of the block, which column of four or one. */
export interface Place {
  readonly outer: Expr
  readonly block: Expr
  readonly column: Expr
  readonly width: 1 | 4
}

/** The running totals [outer, n, inner] of a group, as expressions. */
export interface Cumulation {
  readonly shape: readonly [outer: number, n: number, inner: number]
  readonly block: number
  /** What a block's total begins with. */
  begin(at: Place): Expr
  /** The element that comes at `turn` in a block, taken into a total; and where the total goes. */
  next(at: Place, turn: Expr, total: Expr): Expr
  readonly result: number
  address(at: Place, turn: Expr): Expr
}

export function cumulation(e: Exprs, b: Buffers, grouping: Grouping, g: Group): Cumulation {
  const inMemory = inMemoryFor(grouping, g)
  const [anchor] = g.anchors
  const [x, before] = anchor.inputs.map((v) => ({ v, ...strided(grouping.graph, v, inMemory) }))
  const [y] = anchor.outputs
  const [outer, n, inner] = y.aval.shape
  const dtype = wideOf[y.aval.dtype]
  const how = anchor.params.combine as Accumulate
  const block = Math.min(n, anchor.params.block as number)
  const last = Math.ceil(n / block) - 1

  const load = (from: typeof x, index: readonly Expr[], width: 1 | 4): Expr => {
    const buffer = b.read(from.base)
    const lane = (j: number): Expr =>
      stridedIndex(e, [index[0], index[1], e.iadd(index[2], e.index(j))], from.strides, from.offset)
    if (width === 1) return e.load(buffer, dtype, lane(0))
    if (from.strides[2] === 1) return e.load(buffer, `${dtype}x4`, lane(0))
    return e.call(
      'vec4',
      `${dtype}x4`,
      [0, 1, 2, 3].map((j) => e.load(buffer, dtype, lane(j))),
    )
  }
  const turned = (i: Expr, most: number): Expr =>
    anchor.params.reverse ? e.call('sub', 'u32', [e.index(most), i], most) : i
  const indexOf = (at: Place, turn: Expr): Expr[] => [
    at.outer,
    turned(e.iadd(e.imul(at.block, block), turn), n - 1),
    at.column,
  ]
  return {
    shape: [outer, n, inner],
    block,
    begin({ outer: o, block: k, column, width }) {
      const t: ExprType = width === 4 ? `${dtype}x4` : dtype
      if (!before) return neutral(e, how, t)
      // Before the first block there is nothing: whatever is read in its place is not used.
      const previous = e.call('min', 'u32', [e.call('sub', 'u32', [k, e.index(1)]), e.index(last - 1)], last - 1)
      const isFirst = e.call('eq', 'bool', [k, e.index(0)])
      const value = load(before, [o, turned(previous, last - 1), column], width)
      const cond = width === 4 ? e.call('splat', 'boolx4', [isFirst]) : isFirst
      return e.call('select', t, [cond, neutral(e, how, t), value])
    },
    next: (at, turn, total) => accumulated(e, how, total, load(x, indexOf(at, turn), at.width)),
    result: b.write(y),
    address: (at, turn) => stridedIndex(e, indexOf(at, turn), [n * inner, inner, 1]),
  }
}

function accumulated(e: Exprs, how: Accumulate, a: Expr, b: Expr): Expr {
  if (how !== 'logAddExp') return combined(e, how, a, b)
  // high + log(1 + e^(low - high)); equal infinities have no difference.
  const call = (f: string, ...args: Expr[]): Expr => e.call(f, a.t, args)
  const [low, high] = [call('min', a, b), call('max', a, b)]
  const same = e.call('eq', a.t === 'f32' ? 'bool' : 'boolx4', [low, high])
  const distance = call('select', same, e.lit(a.t, 0), call('sub', low, high))
  return call('add', high, call('log', call('add', call('exp', distance), e.lit(a.t, 1))))
}

const across = 64

/** Running totals for adapters: an invocation goes along one block of one line, so that the order of additions is one. */
export function lowerCumulative(grouping: Grouping, g: Group, target: Target): Lowered {
  const e = exprs()
  const b = buffers()
  const c = cumulation(e, b, grouping, g)
  const [outer, n, inner] = c.shape
  const blocks = Math.ceil(n / c.block)
  const lines = outer * blocks * inner
  const workgroups = grid(lines, across, target)
  const item = e.iadd(e.imul(groupIndex(e, workgroups), across), e.variable('lane_x', 'u32', across - 1))
  const line = e.variable('line', 'u32', lines - 1)
  const part = e.idiv(line, inner)
  const at: Place = { outer: e.idiv(part, blocks), block: e.imod(part, blocks), column: e.imod(line, inner), width: 1 }
  const { dtype } = g.anchors[0].outputs[0].aval
  const total = e.variable('acc', wideOf[dtype])
  const turn = e.variable('turn', 'u32', c.block - 1)
  const ragged = n % c.block !== 0
  const isLast = e.call('eq', 'bool', [at.block, e.index(blocks - 1)])
  const count = ragged ? e.call('select', 'u32', [isLast, e.index(n % c.block), e.index(c.block)], c.block) : c.block
  return finish('cumulative', b, {
    scratch: [],
    lanes: [across, 1],
    workgroups,
    body: [
      { k: 'let', name: 'line', value: item },
      { k: 'exit', cond: e.call('ge', 'bool', [e.variable('line', 'u32'), e.index(lines)]) },
      { k: 'mutable', name: 'acc', t: total.t, value: c.begin(at) },
      {
        k: 'loop',
        index: 'turn',
        count,
        body: [
          { k: 'set', name: 'acc', value: c.next(at, turn, total) },
          { k: 'store', buffer: c.result, at: c.address(at, turn), value: narrowed(e, dtype, total) },
        ],
      },
    ],
  })
}
