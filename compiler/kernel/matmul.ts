import type { Target } from '../ir/program.js'
import type { Var } from '../ir/types.js'
import { size } from '../ir/types.js'
import { dotGroups } from '../ops/contract.js'
import type { DotDims } from '../ops/prim.js'
import { type Group, type Grouping, placeStore } from '../pass/group.js'
import { type Strided, strided } from '../pass/strided.js'
import { buffers, finish, grid, groupIndex, type Lowered } from './build.js'
import { emitter, type Held } from './emit.js'
import { delinearize, type Expr, exprs, linearIndex } from './expr.js'
import type { Stmt } from './ir.js'
import { valuesFirst } from './loops.js'

/** Parameters of the direct product: each invocation keeps `rows` × `columns` sums in registers. */
export interface MatmulShape {
  readonly rows: number
  readonly columns: number
  /** Invocations of a workgroup along N and along M. */
  readonly across: number
  readonly down: number
}

export function matmulShape(m: number, n: number, batch: number, target: Target): MatmulShape {
  const columns = n >= 4 ? 4 : n
  const wanted = target.class === 'software' && m * n * batch < 64 ? 1 : 4
  // Rows that divide M need no edge handling.
  const rows = [wanted, 3, 2].find((r) => r <= wanted && m % r === 0) ?? Math.min(wanted, m)
  const tiles = Math.ceil(n / columns)
  const across = Math.min(16, 2 ** Math.ceil(Math.log2(tiles)))
  if (target.class === 'software') return { rows, columns, across, down: 1 }
  return { rows, columns, across, down: Math.max(1, Math.min(64 / across, 2 ** Math.ceil(Math.log2(Math.ceil(m / rows))))) }
}

/** An operand: where it is, and which of its dims are batch, free and contracted. */
interface Operand {
  readonly window: Strided
  readonly shape: readonly number[]
  readonly batch: readonly number[]
  readonly free: readonly number[]
  readonly contract: readonly number[]
}

/** A product as a kernel, with the pointwise values that follow it. */
export function lowerMatmul({ graph, stored, owner }: Grouping, g: Group, target: Target): Lowered {
  const e = exprs()
  const b = buffers()
  const eqn = g.anchors[0]
  const dims = eqn.params as unknown as DotDims
  const [lhs, rhs] = eqn.inputs
  const { lhsFree, rhsFree } = dotGroups(lhs.aval.shape, rhs.aval.shape, dims)
  const own = new Set<Var>([...g.stores, eqn.outputs[0]])
  const inMemory = (v: Var): boolean => !own.has(v) && (owner.has(v) || !graph.def.has(v))
  const operand = (v: Var, batch: readonly number[], free: readonly number[], contract: readonly number[]): Operand => ({
    window: strided(graph, v, inMemory),
    shape: v.aval.shape,
    batch,
    free,
    contract,
  })
  const A = operand(lhs, dims.lhsBatch, lhsFree, dims.lhsContract)
  const B = operand(rhs, dims.rhsBatch, rhsFree, dims.rhsContract)
  const sizes = (o: Operand, which: readonly number[]): number[] => which.map((d) => o.shape[d])
  const [batchShape, mShape, nShape, kShape] = [sizes(A, A.batch), sizes(A, A.free), sizes(B, B.free), sizes(A, A.contract)]
  const [batch, M, N, K] = [size(batchShape), size(mShape), size(nShape), size(kShape)]
  const { rows, columns, across, down } = matmulShape(M, N, batch, target)

  // Which tile: along N in x, along M in y, the batch in z, unless a dim is too long.
  const tiles = [batch, Math.ceil(M / (rows * down)), Math.ceil(N / (columns * across))]
  const most = target.maxComputeWorkgroupsPerDimension
  const direct = tiles.every((n) => n <= most)
  const workgroups: [number, number, number] = direct ? [tiles[2], tiles[1], tiles[0]] : grid(size(tiles), 1, target)
  const body: Stmt[] = []
  const axis = (name: string, n: number): Expr => (n === 1 ? e.index(0) : e.variable(name, 'u32', n - 1))
  const tile = direct
    ? [axis('group_z', tiles[0]), axis('group_y', tiles[1]), axis('group_x', tiles[2])]
    : delinearize(e, groupIndex(e, workgroups), tiles)
  if (!direct) body.push({ k: 'exit', cond: e.call('ge', 'bool', [groupIndex(e, workgroups), e.index(size(tiles))]) })
  const row0 = e.imul(e.iadd(e.imul(tile[1], down), axis('lane_y', down)), rows)
  const column0 = e.imul(e.iadd(e.imul(tile[2], across), axis('lane_x', across)), columns)
  const raggedM = tiles[1] * rows * down !== M
  const raggedN = tiles[2] * columns * across !== N
  // Named so that addresses stay short.
  body.push({ k: 'let', name: 'row', value: row0 }, { k: 'let', name: 'column', value: column0 })
  const row = M === 1 ? e.index(0) : e.variable('row', 'u32', M - 1)
  const column = N === 1 ? e.index(0) : e.variable('column', 'u32', N - 1)
  const outside: Expr[] = []
  if (raggedM) outside.push(e.call('ge', 'bool', [e.variable('row', 'u32'), e.index(M)]))
  if (raggedN) outside.push(e.call('ge', 'bool', [e.variable('column', 'u32'), e.index(N)]))
  for (const cond of outside) body.push({ k: 'exit', cond })
  const clamp = (x: Expr, limit: number, ragged: boolean, offset: number): Expr =>
    ragged && offset > 0 ? e.call('min', 'u32', [x, e.index(limit - 1)], limit - 1) : x
  const rowAt = (i: number): Expr => clamp(e.iadd(row, e.index(i)), M, M % rows !== 0, i)
  const columnAt = (j: number): Expr => clamp(e.iadd(column, e.index(j)), N, N % columns !== 0, j)

  const batchIndex = delinearize(e, tile[0], batchShape)
  const address = (o: Operand, freeShape: readonly number[], free: Expr, k: Expr): Expr => {
    const [f, c] = [delinearize(e, free, freeShape), delinearize(e, k, kShape)]
    let at = e.index(o.window.offset)
    const put = (which: readonly number[], index: readonly Expr[]): void => {
      which.forEach((d, i) => {
        at = e.iadd(at, e.imul(index[i], o.window.strides[d]))
      })
    }
    put(o.batch, batchIndex)
    put(o.free, f)
    put(o.contract, c)
    return at
  }
  const probe = e.variable('probe', 'u32', 0xffff)
  /** Groups of four along an index are one aligned load. */
  const inFours = (o: Operand, at: (x: Expr) => Expr, n: number): boolean => {
    if (n % 4 !== 0 || size(o.window.base.aval.shape) % 4 !== 0) return false
    const { base, of } = e.linear(at(e.imul(probe, 4)))
    return base % 4 === 0 && of.get(probe) === 4 && [...of].every(([atom, by]) => atom === probe || (by % 4 === 0 && !mentions(atom, probe)))
  }
  const aInFours = inFours(A, (x) => address(A, mShape, row, x), K)
  const bAlongN = columns === 4 && inFours(B, (x) => address(B, nShape, x, axis('k', K)), N)
  const bAlongK = !bAlongN && aInFours && inFours(B, (x) => address(B, nShape, column, x), K)

  const scalar = (o: Operand, at: Expr): Expr => e.load(b.read(o.window.base), 'f32', at)
  const four = (o: Operand, at: Expr): Expr => e.load(b.read(o.window.base, 4), 'f32x4', e.idiv(at, 4))
  const lane = (x: Expr, j: number): Expr => e.call(`lane${j}`, 'f32', [x])
  const wide = bAlongN
  const name = (i: number, j: number): string => (wide ? `acc${i}` : `acc${i}_${j}`)
  const sum = (i: number, j: number): Expr => (wide ? lane(e.variable(name(i, 0), 'f32x4'), j) : e.variable(name(i, j), 'f32'))
  const columnList = Array.from({ length: columns }, (_, j) => j)
  const rowList = Array.from({ length: rows }, (_, i) => i)
  for (const i of rowList)
    for (const j of wide ? [0] : columnList) body.push({ k: 'mutable', name: name(i, j), t: wide ? 'f32x4' : 'f32', value: e.lit(wide ? 'f32x4' : 'f32', 0) })

  /** One step of the sum over `unroll` values of k from `k0`. */
  const step = (k0: Expr, unroll: number): Stmt[] => {
    const out: Stmt[] = []
    const fours = aInFours && unroll === 4
    const a4 = fours ? rowList.map((i) => four(A, address(A, mShape, rowAt(i), k0))) : []
    if (bAlongK && unroll === 4) {
      const b4 = columnList.map((j) => four(B, address(B, nShape, columnAt(j), k0)))
      for (const i of rowList)
        for (const j of columnList) out.push({ k: 'set', name: name(i, j), value: e.call('add', 'f32', [sum(i, j), e.call('dot4', 'f32', [a4[i], b4[j]])]) })
      return out
    }
    for (let u = 0; u < unroll; u++) {
      const k = e.iadd(k0, e.index(u))
      const a = rowList.map((i) => (fours ? lane(a4[i], u) : scalar(A, address(A, mShape, rowAt(i), k))))
      if (wide) {
        const bs = four(B, address(B, nShape, column, k))
        for (const i of rowList) out.push({ k: 'set', name: name(i, 0), value: e.call('fma', 'f32x4', [e.call('splat', 'f32x4', [a[i]]), bs, e.variable(name(i, 0), 'f32x4')]) })
        continue
      }
      const bs = columnList.map((j) => scalar(B, address(B, nShape, columnAt(j), k)))
      for (const i of rowList) for (const j of columnList) out.push({ k: 'set', name: name(i, j), value: e.call('fma', 'f32', [a[i], bs[j], sum(i, j)]) })
    }
    return out
  }
  const unroll = K >= 4 ? 4 : 1
  const whole = Math.floor(K / unroll)
  if (whole > 0) body.push({ k: 'loop', index: 'k', count: whole, body: step(e.imul(axis('k', whole), unroll), unroll) })
  const rest = K - whole * unroll
  if (rest > 0) body.push(...step(e.index(whole * unroll), rest))

  // Sums become fixed names, so that what follows may share and move them.
  const held: Expr[][] = rowList.map((i) =>
    columnList.map((j) => {
      body.push({ k: 'let', name: `sum${i}_${j}`, value: sum(i, j) })
      return e.variable(`sum${i}_${j}`, 'f32')
    }),
  )
  const load = (v: Var, index: readonly Expr[]): Expr => b.load(e, v, index)
  const y = eqn.outputs[0]
  const writes = g.stores.filter((v) => stored.has(v))
  for (const i of rowList)
    for (const j of columnList) {
      const outer = [...batchIndex, ...delinearize(e, e.iadd(row, e.index(i)), mShape), ...delinearize(e, e.iadd(column, e.index(j)), nShape)]
      const anchors = new Map<Var, Held>([[y, { index: outer, value: held[i][j] }]])
      const stmts: Stmt[] = []
      if (stored.has(y)) stmts.push({ k: 'store', buffer: b.write(y), at: linearIndex(e, outer, y.aval.shape), value: held[i][j] })
      for (const v of writes) {
        const place = placeStore(e, graph, g, v, { outer, full: outer }, inMemory)!
        const value = emitter({ e, graph, held: anchors, inMemory, load, moves: place.moves })(v, place.index)
        stmts.push({ k: 'store', buffer: b.write(v), at: linearIndex(e, place.index, v.aval.shape), value })
      }
      const conds: Expr[] = []
      if (M % rows !== 0 && i > 0) conds.push(e.call('lt', 'bool', [e.iadd(row, e.index(i)), e.index(M)]))
      if (N % columns !== 0 && j > 0) conds.push(e.call('lt', 'bool', [e.iadd(column, e.index(j)), e.index(N)]))
      const inside = valuesFirst(stmts)
      body.push(...(conds.length ? [{ k: 'if' as const, cond: conds.reduce((p, q) => e.call('and', 'bool', [p, q])), body: inside }] : inside))
    }
  return finish('matmul', b, { shared: [], lanes: [across, down], workgroups, body })
}

const mentions = (x: Expr, v: Expr): boolean => x === v || (x.k === 'op' && x.args.some((a) => mentions(a, v))) || (x.k === 'load' && mentions(x.at, v))
