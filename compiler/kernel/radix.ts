import { wideOf } from '../ir/dtype.js'
import type { Target } from '../ir/program.js'
import type { Digit } from '../ops/radix.js'
import { kindOf } from '../pass/graph.js'
import { type Group, type Grouping, inMemoryFor } from '../pass/group.js'
import { strided } from '../pass/strided.js'
import { buffers, finish, grid, groupIndex, type Lowered } from './build.js'
import { type Expr, exprs, linearIndex, stridedIndex } from './expr.js'
import { type Stmt, scratchBase } from './ir.js'

/**
 * A pass of a radix sort: an invocation (for a CPU, an item) has a block of a line and an array of counters. It counts the block's
 * digits, or goes through the block from its end and puts each element before what has been put of its digit.
 */
export function lowerRadix(grouping: Grouping, g: Group, target: Target): Lowered {
  const [anchor] = g.anchors
  const counting = kindOf(anchor) === 'digitCounts'
  const { shift, bits, block } = anchor.params as unknown as Digit
  const e = exprs()
  const b = buffers()
  const inMemory = inMemoryFor(grouping, g)
  const [keys, ends, values] = (counting ? anchor.inputs : [1, 0, 2].map((i) => anchor.inputs[i]))
    .filter(Boolean)
    .map((v) => ({ dtype: wideOf[v.aval.dtype], shape: v.aval.shape, ...strided(grouping.graph, v, inMemory) }))
  const read = (from: typeof keys, index: readonly Expr[]): Expr =>
    e.load(b.read(from.base), from.dtype, stridedIndex(e, index, from.strides, from.offset))

  const [lines, n] = keys.shape
  const digits = 2 ** bits
  const blocks = Math.ceil(n / block)
  const across = target.class === 'cpu' ? 1 : 64
  const workgroups = target.class === 'cpu' ? ([lines * blocks, 1, 1] as const) : grid(lines * blocks, across, target)
  const lane = across > 1 ? e.variable('lane_x', 'u32', across - 1) : e.index(0)
  const item = e.variable('item', 'u32', lines * blocks - 1)
  const [line, place] = [e.idiv(item, blocks), e.imod(item, blocks)]
  const start = e.imul(place, block)
  const count =
    n % block ? e.call('min', 'u32', [e.call('sub', 'u32', [e.index(n), start], n), e.index(block)], block) : block

  const counters = scratchBase
  const digitOf = (key: Expr): Expr => {
    const moved = shift ? e.call('shiftRight', 'u32', [key, e.index(shift)]) : key
    return shift + bits < 32 ? e.call('and', 'u32', [moved, e.index(digits - 1)], digits - 1) : moved
  }
  const each = (i: Expr, body: (key: Expr, digit: Expr) => Stmt[]): Stmt[] => {
    const [key, d] = [e.variable('key', 'u32'), e.variable('digit', 'u32', digits - 1)]
    return [
      { k: 'let', name: 'key', value: read(keys, [line, i]) },
      { k: 'let', name: 'digit', value: digitOf(key) },
      ...body(key, d),
    ]
  }
  const table = (i: Expr): Expr[] => [line, i, place]
  const d = e.variable('d', 'u32', digits - 1)
  const turn = e.variable('turn', 'u32', block - 1)
  const overDigits = (stmt: Stmt): Stmt => ({ k: 'loop', index: 'd', count: digits, body: [stmt] })

  const tally = (): Stmt[] => {
    const [y] = anchor.outputs
    return [
      overDigits({ k: 'store', buffer: counters, at: d, value: e.index(0) }),
      {
        k: 'loop',
        index: 'turn',
        count,
        body: each(e.iadd(start, turn), (_, at) => [
          {
            k: 'store',
            buffer: counters,
            at,
            value: e.call('add', 'u32', [e.load(counters, 'u32', at), e.index(1)]),
          },
        ]),
      },
      overDigits({
        k: 'store',
        buffer: b.write(y),
        at: linearIndex(e, table(d), y.aval.shape),
        value: e.load(counters, 'u32', d),
      }),
    ]
  }
  const move = (): Stmt[] => {
    const [sortedKeys, sorted] = anchor.outputs
    const last = e.call('sub', 'u32', [typeof count === 'number' ? e.index(count) : count, e.index(1)], block - 1)
    const i = e.variable('i', 'u32', n - 1)
    const to = e.variable('slot', 'u32', n - 1)
    const at = e.iadd(e.imul(line, n), to)
    const value = values ? read(values, [line, i]) : e.call('cast', 'i32', [i])
    const store = (v: typeof sorted, x: Expr): Stmt[] =>
      grouping.stored.has(v) ? [{ k: 'store', buffer: b.write(v), at, value: x }] : []
    return [
      overDigits({ k: 'store', buffer: counters, at: d, value: read(ends, table(d)) }),
      {
        k: 'loop',
        index: 'turn',
        count,
        body: [
          { k: 'let', name: 'i', value: e.iadd(start, e.call('sub', 'u32', [last, turn], block - 1)) },
          ...each(i, (key, digit) => [
            { k: 'let', name: 'slot', value: e.call('sub', 'u32', [e.load(counters, 'u32', digit), e.index(1)]) },
            { k: 'store', buffer: counters, at: digit, value: to },
            ...store(sortedKeys, key),
            ...store(sorted, value),
          ]),
        ],
      },
    ]
  }
  return finish(counting ? 'counts' : 'sort', b, {
    scratch: [{ t: 'u32', size: digits, per: 'invocation' }],
    lanes: [across, 1],
    workgroups,
    body: [
      { k: 'let', name: 'item', value: e.iadd(e.imul(groupIndex(e, workgroups), across), lane) },
      ...(across > 1
        ? [{ k: 'exit', cond: e.call('ge', 'bool', [e.variable('item', 'u32'), e.index(lines * blocks)]) } as const]
        : []),
      ...(counting ? tally() : move()),
    ],
  })
}
