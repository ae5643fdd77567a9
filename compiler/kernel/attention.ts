import type { Target } from '../ir/program.js'
import type { Group, Grouping } from '../pass/group.js'
import { lowerAttentionGrad } from './attention-grad.js'
import { dot, ownLine, registers, rowsOf, scoreOf, skips } from './attention-rows.js'
import type { Lowered } from './build.js'
import { type Expr, linearIndex } from './expr.js'
import type { Stmt } from './ir.js'

const lowest = -3.4028234663852886e38
/** Numbers of a line up to which twice as many keys are taken at a time: rescaling what is summed costs less. */
const narrow = 32

/**
 * Attention as a kernel without workgroup memory or barriers: an invocation has a query, and goes along the keys a few at a time with
 * a running softmax (Milakov & Gimelshein 2018; Dao et al., FlashAttention, 2022).
 */
export function lowerAttention(grouping: Grouping, g: Group, target: Target): Lowered {
  if (g.anchors[0].op === 'attentionGrad') return lowerAttentionGrad(grouping, g, target)
  const r = rowsOf(grouping, g, target, 'queries')
  const { e, d, row } = r
  const [o, l] = r.outs
  const [keys, values] = [r.lines(1), r.lines(2)]
  const keyHead = e.idiv(r.head, d.N / d.K)
  const q = ownLine(r, 'ownQuery', r.lines(0), r.head)
  const sums = registers(r, 'o')
  const f32 = (f: string, ...args: Expr[]): Expr => e.call(f, 'f32', args)
  const x4 = (f: string, ...args: Expr[]): Expr => e.call(f, 'f32x4', args)
  const larger = (x: Expr, y: Expr): Expr => f32('select', e.call('lt', 'bool', [x, y]), y, x)
  const [top, total] = [e.variable('acc_top', 'f32'), e.variable('acc_total', 'f32')]

  const each = d.H <= narrow ? 8 : 4
  const steps = Math.ceil(d.S / each)
  const step = e.variable('step', 'u32', steps - 1)
  const js = Array.from({ length: Math.min(each, d.S) }, (_, j) => j)
  const ragged = d.S % each !== 0
  const keyAt = (j: number): Expr => e.iadd(e.imul(step, each), e.index(j))
  const keyRead = (j: number): Expr => e.variable(`key${j}`, 'u32', d.S - 1)
  const exists = (j: number): Expr => e.call('lt', 'bool', [keyAt(j), e.index(d.S)])
  const where = (j: number, x: Expr, other: number): Expr =>
    ragged ? f32('select', exists(j), x, e.lit('f32', other)) : x
  const [newTop, share] = [e.variable('newTop', 'f32'), e.variable('share', 'f32')]
  const weight = (j: number): Expr => e.variable(`weight${j}`, 'f32')
  const body: Stmt[] = [
    ...js.map(
      (j): Stmt => ({
        k: 'let',
        name: `key${j}`,
        value: ragged ? e.call('min', 'u32', [keyAt(j), e.index(d.S - 1)], d.S - 1) : keyAt(j),
      }),
    ),
    ...js.map((j): Stmt => {
      const { score } = scoreOf(r, g, r.head, row, keyRead(j))
      const product = dot(r, q.at, (h) => keys(keyRead(j), keyHead, h))
      return { k: 'let', name: `score${j}`, value: where(j, score(product), lowest) }
    }),
    { k: 'let', name: 'newTop', value: js.map((j) => e.variable(`score${j}`, 'f32')).reduce(larger, top) },
    { k: 'let', name: 'share', value: f32('exp', f32('sub', top, newTop)) },
    ...js.map(
      (j): Stmt => ({
        k: 'let',
        name: `weight${j}`,
        value: where(j, f32('exp', f32('sub', e.variable(`score${j}`, 'f32'), newTop)), 0),
      }),
    ),
    { k: 'set', name: 'acc_top', value: newTop },
    { k: 'set', name: 'acc_total', value: js.reduce((x, j) => f32('add', x, weight(j)), f32('mul', total, share)) },
    ...sums.set((h) =>
      js.reduce(
        (x, j) => x4('fma', x4('splat', weight(j)), values(keyRead(j), keyHead, h), x),
        x4('mul', sums.at(h), x4('splat', share)),
      ),
    ),
  ]
  // The last key that a query of the workgroup sees.
  const end = e.call('min', 'u32', [e.iadd(r.firstRow, e.index(r.lanes)), e.index(d.S)], d.S)
  const count = skips(r.params) ? e.idiv(e.iadd(end, e.index(each - 1)), each) : steps
  const store = [
    ...(grouping.stored.has(o) ? r.store(o, r.head, (h) => x4('mul', sums.at(h), x4('splat', share))) : []),
    ...(grouping.stored.has(l)
      ? r.storeOne(l, linearIndex(e, [r.batch, r.head, row], l.aval.shape), f32('add', top, f32('log', total)))
      : []),
  ]
  return r.finish('attention', [
    ...q.lets,
    ...sums.declare,
    { k: 'mutable', name: 'acc_top', t: 'f32', value: e.lit('f32', lowest) },
    { k: 'mutable', name: 'acc_total', t: 'f32', value: e.lit('f32', 0) },
    { k: 'loop', index: 'step', count, body },
    { k: 'let', name: 'share', value: f32('div', e.lit('f32', 1), total) },
    ...store,
  ])
}
