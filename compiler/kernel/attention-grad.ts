import type { Target } from '../ir/program.js'
import { lastOperands, maskedScore } from '../ops/attention-dims.js'
import type { Group, Grouping } from '../pass/group.js'
import { dot, ownLine, type Rows, registers, rowsOf, scoreOf, skips } from './attention-rows.js'
import { finish, grid, groupIndex, type Lowered } from './build.js'
import { delinearize, type Expr } from './expr.js'
import type { Stmt } from './ir.js'

/**
 * Gradients of attention without workgroup memory, barriers or atomics (Dao et al., FlashAttention, 2022, appendix B): an invocation
 * has a query and goes along the keys, or has a key and goes along the queries, or has a number of the bias's gradient.
 */
export function lowerAttentionGrad(grouping: Grouping, g: Group, target: Target): Lowered {
  const { of } = g.anchors[0].params as unknown as Rows['params']
  if (of.includes('bias')) return ofBias(grouping, g, target)
  return of.includes('q') ? ofQueries(grouping, g, target) : ofKeys(grouping, g, target)
}

/** The weight of a pair and the gradient of its score, from the products of query and key, and of cotangent and value. */
function pair(r: Rows, g: Group, head: Expr, query: Expr, key: Expr, product: Expr, change: Expr): Stmt[] {
  const { e, d, params } = r
  const f32 = (f: string, ...args: Expr[]): Expr => e.call(f, 'f32', args)
  const { score, seen } = scoreOf(r, g, head, query, key)
  const [logSum, delta] = [3, 4].map((i) => r.at(i, [r.batch, head, query]))
  const weight = f32('exp', f32('sub', score(product), logSum))
  const empty = e.call('le', 'bool', [logSum, e.lit('f32', maskedScore)])
  const share = f32('select', empty, e.lit('f32', 1 / d.S), e.lit('f32', 1))
  const named = e.variable('weight', 'f32')
  return [
    { k: 'let', name: 'weight', value: params.mask || params.bias ? f32('mul', weight, share) : weight },
    { k: 'let', name: 'change', value: seen(f32('mul', named, f32('sub', change, delta))) },
  ]
}

function ofQueries(grouping: Grouping, g: Group, target: Target): Lowered {
  const r = rowsOf(grouping, g, target, 'queries')
  const { e, d, row, head } = r
  const keyHead = e.idiv(head, d.N / d.K)
  const [keys, values] = [r.lines(1), r.lines(2)]
  const [q, ct] = [ownLine(r, 'ownQuery', r.lines(0), head), ownLine(r, 'ownCotangent', r.lines(5), head)]
  const sums = registers(r, 'dq')
  const key = e.variable('key', 'u32', d.S - 1)
  const products = [dot(r, q.at, (h) => keys(key, keyHead, h)), dot(r, ct.at, (h) => values(key, keyHead, h))]
  const change = e.call('splat', 'f32x4', [
    e.call('mul', 'f32', [e.variable('change', 'f32'), e.lit('f32', r.params.scale)]),
  ])
  const end = e.call('min', 'u32', [e.iadd(r.firstRow, e.index(r.lanes)), e.index(d.S)], d.S)
  return r.finish('attentionGrad', [
    ...q.lets,
    ...ct.lets,
    ...sums.declare,
    {
      k: 'loop',
      index: 'key',
      count: skips(r.params) ? end : d.S,
      body: [
        ...pair(r, g, head, row, key, products[0], products[1]),
        ...sums.set((h) => e.call('fma', 'f32x4', [change, keys(key, keyHead, h), sums.at(h)])),
      ],
    },
    ...r.store(r.outs[0], head, sums.at),
  ])
}

function ofKeys(grouping: Grouping, g: Group, target: Target): Lowered {
  const r = rowsOf(grouping, g, target, 'keys')
  const { e, d, row, params } = r
  const group = d.N / d.K
  const inGroup = group === 1 ? e.index(0) : e.variable('inGroup', 'u32', group - 1)
  const head = e.iadd(e.imul(r.head, group), inGroup)
  const [queries, cts] = [r.lines(0), r.lines(5)]
  const [k, v] = [ownLine(r, 'ownKey', r.lines(1), r.head), ownLine(r, 'ownValue', r.lines(2), r.head)]
  const names = (['k', 'v'] as const).filter((name) => params.of.includes(name))
  const sums = new Map(names.map((name) => [name, registers(r, `d${name}`)]))
  const query = e.variable('query', 'u32', d.T - 1)
  const products = [dot(r, k.at, (h) => queries(query, head, h)), dot(r, v.at, (h) => cts(query, head, h))]
  const by = {
    k: e.call('mul', 'f32', [e.variable('change', 'f32'), e.lit('f32', params.scale)]),
    v: e.variable('weight', 'f32'),
  }
  const lines = { k: queries, v: cts }
  const along: Stmt = {
    k: 'loop',
    index: 'query',
    // Queries before the first key of the workgroup see none of its keys.
    ...(skips(params) ? { from: r.firstRow } : {}),
    count: d.T,
    body: [
      ...pair(r, g, head, query, row, products[0], products[1]),
      ...names.flatMap((name) =>
        sums
          .get(name)!
          .set((h) =>
            e.call('fma', 'f32x4', [
              e.call('splat', 'f32x4', [by[name]]),
              lines[name](query, head, h),
              sums.get(name)!.at(h),
            ]),
          ),
      ),
    ],
  }
  return r.finish('attentionGrad', [
    ...k.lets,
    ...v.lets,
    ...names.flatMap((name) => sums.get(name)!.declare),
    ...(group === 1 ? [along] : [{ k: 'loop', index: 'inGroup', count: group, body: [along] } as const]),
    ...names.flatMap((name, i) => r.store(r.outs[i], r.head, sums.get(name)!.at)),
  ])
}

/** A number of the bias's gradient: it goes along the dims that the bias repeats. */
function ofBias(grouping: Grouping, g: Group, target: Target): Lowered {
  const r = rowsOf(grouping, g, target, 'queries')
  const { e, b, d, fours } = r
  const [out] = r.outs
  const bias = lastOperands(g.anchors[0].inputs, r.params).bias!
  const sizes = [d.B, d.N, d.T, d.S]
  const own = bias.aval.shape
  const items = own.reduce((n, x) => n * x, 1)
  const lanes = 8
  const workgroups = grid(items, lanes, target)
  const item = e.iadd(e.imul(groupIndex(e, workgroups), lanes), e.variable('lane_x', 'u32', lanes - 1))
  const number = e.variable('number', 'u32', items - 1)
  const mine = delinearize(e, number, own)
  const names = ['batch', 'head', 'row', 'key']
  const index = sizes.map((n, i) => (n === 1 ? e.index(0) : e.variable(names[i], 'u32', n - 1)))
  const keyHead = e.idiv(index[1], d.N / d.K)
  const line = (i: number, at: Expr, head: Expr) => {
    const lines = r.lines(i)
    return (h: number): Expr => lines(at, head, h)
  }
  const [batch, head, query, key] = index
  const products = [
    dot({ e, fours }, line(0, query, head), line(1, key, keyHead)),
    dot({ e, fours }, line(5, query, head), line(2, key, keyHead)),
  ]
  const total = e.variable('acc_total', 'f32')
  let body: Stmt[] = [
    ...pair({ ...r, batch }, g, head, query, key, products[0], products[1]),
    { k: 'set', name: 'acc_total', value: e.call('add', 'f32', [total, e.variable('change', 'f32')]) },
  ]
  for (const i of [3, 2, 1, 0])
    if (own[i] === 1 && sizes[i] !== 1) body = [{ k: 'loop', index: names[i], count: sizes[i], body }]
  const lets = index.flatMap((x, i): Stmt[] =>
    own[i] !== 1 && x.k === 'var' ? [{ k: 'let', name: x.name, value: mine[i] }] : [],
  )
  const all: Stmt[] = [
    { k: 'let', name: 'number', value: item },
    { k: 'exit', cond: e.call('ge', 'bool', [item, e.index(items)]) },
    ...lets,
    { k: 'mutable', name: 'acc_total', t: 'f32', value: e.lit('f32', 0) },
    ...body,
    { k: 'store', buffer: b.write(out), at: number, value: total },
  ]
  return finish('attentionGrad', b, { scratch: [], lanes: [lanes, 1], workgroups, body: all })
}
