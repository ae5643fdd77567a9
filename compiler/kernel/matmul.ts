import type { Target } from '../ir/program.js'
import type { Var } from '../ir/types.js'
import { size } from '../ir/types.js'
import { dotGroups } from '../ops/contract.js'
import type { DotDims } from '../ops/prim.js'
import { type Group, type Grouping, inMemoryFor } from '../pass/group.js'
import { type Strided, strided } from '../pass/strided.js'
import { buffers, finish, grid, groupIndex, type Lowered } from './build.js'
import { storeTile } from './epilogue.js'
import { delinearize, type Expr, exprs } from './expr.js'
import { type Scratch, type Stmt, scratchBase } from './ir.js'
import { matmulShape } from './matmul-shape.js'
import { addShares } from './matmul-split.js'
import { narrowed } from './narrow.js'

/** An operand: where it is, and which of its dims are batch, free and contracted. */
interface Operand {
  readonly window: Strided
  readonly shape: readonly number[]
  readonly batch: readonly number[]
  readonly free: readonly number[]
  readonly contract: readonly number[]
}

/** A product as a kernel, with the pointwise values that follow it. */
export function lowerMatmul(grouping: Grouping, g: Group, target: Target): Lowered {
  const { graph } = grouping
  const e = exprs()
  const b = buffers()
  const eqn = g.anchors[0]
  const dims = eqn.params as unknown as DotDims
  const [lhs, rhs] = eqn.inputs
  const { lhsFree, rhsFree } = dotGroups(lhs.aval.shape, rhs.aval.shape, dims)
  const inMemory = inMemoryFor(grouping, g)
  const operand = (
    v: Var,
    batch: readonly number[],
    free: readonly number[],
    contract: readonly number[],
  ): Operand => ({
    window: strided(graph, v, inMemory),
    shape: v.aval.shape,
    batch,
    free,
    contract,
  })
  const A = operand(lhs, dims.lhsBatch, lhsFree, dims.lhsContract)
  const B = operand(rhs, dims.rhsBatch, rhsFree, dims.rhsContract)
  const sizes = (o: Operand, which: readonly number[]): number[] => which.map((d) => o.shape[d])
  const [batchShape, mShape, nShape, kShape] = [
    sizes(A, A.batch),
    sizes(A, A.free),
    sizes(B, B.free),
    sizes(A, A.contract),
  ]
  // Nothing to compute is one element that nobody reads.
  const some = (shape: readonly number[]): number => Math.max(1, size(shape))
  const [batch, M, N, K] = [some(batchShape), some(mShape), some(nShape), size(kShape)]
  const alongK = B.window.strides[B.contract[B.contract.length - 1]] === 1
  const { rows, columns, across, down, split, unroll, subgroup } = matmulShape(
    { m: M, n: N, k: K, batch, alongK },
    target,
  )

  // Which tile: along N in x, along M in y, the batch in z, unless a dim is too long.
  const [bands, strips] = [Math.ceil(M / rows), Math.ceil(N / columns)]
  const tiles = [batch, Math.ceil(bands / down), Math.ceil(strips / across)]
  const most = target.maxComputeWorkgroupsPerDimension
  const direct = tiles.every((n) => n <= most)
  const workgroups: [number, number, number] = direct ? [tiles[2], tiles[1], tiles[0]] : grid(size(tiles), 1, target)
  const body: Stmt[] = []
  const axis = (name: string, n: number): Expr => (n === 1 ? e.index(0) : e.variable(name, 'u32', n - 1))
  const tile = direct
    ? [axis('group_z', tiles[0]), axis('group_y', tiles[1]), axis('group_x', tiles[2])]
    : delinearize(e, groupIndex(e, workgroups), tiles)
  if (!direct) body.push({ k: 'exit', cond: e.call('ge', 'bool', [groupIndex(e, workgroups), e.index(size(tiles))]) })
  // Named so that addresses stay short.
  body.push(
    { k: 'let', name: 'band', value: e.iadd(e.imul(tile[1], down), e.idiv(axis('lane_y', down * split), split)) },
    { k: 'let', name: 'strip', value: e.iadd(e.imul(tile[2], across), axis('lane_x', across)) },
  )
  const band = axis('band', tiles[1] * down)
  const strip = axis('strip', tiles[2] * across)
  const rowAt = (i: Expr): Expr => e.iadd(e.imul(band, rows), i)
  const columnAt = (j: number): Expr => e.iadd(e.imul(strip, columns), e.index(j))
  // Invocations beyond the edge repeat the last row or column and don't store: all lanes of a subgroup take part to the end.
  const raggedM = tiles[1] * down * rows !== M
  const raggedN = tiles[2] * across * columns !== N
  const clamp = (x: Expr, n: number): Expr => e.call('min', 'u32', [x, e.index(n - 1)], n - 1)
  const rowRead = (i: Expr): Expr => {
    const at = e.iadd(e.imul(band, rows), i)
    return raggedM || (i.k !== 'lit' && rows % subgroup !== 0) ? clamp(at, M) : at
  }

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
    return (
      base % 4 === 0 &&
      of.get(probe) === 4 &&
      [...of].every(([atom, by]) => atom === probe || (by % 4 === 0 && !mentions(atom, probe)))
    )
  }
  const aInFours = inFours(A, (x) => address(A, mShape, band, x), K)
  const wide = columns % 4 === 0 && inFours(B, (x) => address(B, nShape, x, axis('k', K)), N)
  const bAlongK = !wide && aInFours && inFours(B, (x) => address(B, nShape, strip, x), K)
  // Whole vectors are in range or not at all.
  const stripRead = raggedN && N % columns === 0 ? clamp(strip, strips) : strip
  const columnRead = (j: number): Expr => {
    const at = e.iadd(e.imul(stripRead, columns), e.index(j))
    return raggedN && N % columns !== 0 ? clamp(at, N) : at
  }

  const scalar = (o: Operand, at: Expr): Expr => e.load(b.read(o.window.base), 'f32', at)
  const four = (o: Operand, at: Expr): Expr => e.load(b.read(o.window.base, 4), 'f32x4', e.idiv(at, 4))
  const lane = (x: Expr, j: number): Expr => e.call(`lane${j}`, 'f32', [x])
  const list = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
  const rowList = list(rows)
  // Registers: a vector for four columns, or a number for each.
  const registers = list(wide ? columns / 4 : columns)
  const t = wide ? 'f32x4' : 'f32'
  const name = (i: number, j: number): string => `acc${i}_${j}`
  const accumulate = (i: number, j: number, x: Expr, y: Expr): Stmt => {
    const acc = e.variable(name(i, j), t)
    return { k: 'set', name: name(i, j), value: e.call('fma', t, [wide ? e.call('splat', t, [x]) : x, y, acc]) }
  }
  for (const i of rowList)
    for (const j of registers) body.push({ k: 'mutable', name: name(i, j), t, value: e.lit(t, 0) })

  /** Column k of A's tile, loaded by `read`: each row by its invocation, or by one lane of the subgroup for all. */
  const columnOfA = (read: (at: Expr) => Expr, k: Expr): Expr[] => {
    if (!subgroup) return rowList.map((i) => read(address(A, mShape, rowRead(e.index(i)), k)))
    const mine = list(Math.ceil(rows / subgroup)).map((g) =>
      read(
        address(A, mShape, rowRead(e.iadd(e.variable('subgroup_lane', 'u32', subgroup - 1), e.index(g * subgroup))), k),
      ),
    )
    return rowList.map((i) => e.call('broadcast', mine[0].t, [mine[Math.floor(i / subgroup)], e.index(i % subgroup)]))
  }
  /** The sum over `count` values of k from `k0`. */
  const step = (k0: Expr, count: number): Stmt[] => {
    const fours = aInFours && count === 4
    const a4 = fours ? columnOfA((at) => four(A, at), k0) : []
    if (bAlongK && count === 4) {
      const b4 = registers.map((j) => four(B, address(B, nShape, columnRead(j), k0)))
      return rowList.flatMap((i) =>
        registers.map(
          (j): Stmt => ({
            k: 'set',
            name: name(i, j),
            value: e.call('add', 'f32', [e.variable(name(i, j), 'f32'), e.call('dot4', 'f32', [a4[i], b4[j]])]),
          }),
        ),
      )
    }
    return list(count).flatMap((u) => {
      const k = e.iadd(k0, e.index(u))
      const a = fours ? a4.map((x) => lane(x, u)) : columnOfA((at) => scalar(A, at), k)
      const bs = registers.map((j) =>
        wide ? four(B, address(B, nShape, columnRead(4 * j), k)) : scalar(B, address(B, nShape, columnRead(j), k)),
      )
      return rowList.flatMap((i) => registers.map((j) => accumulate(i, j, a[i], bs[j])))
    })
  }
  const whole = Math.floor(K / unroll)
  const part = split > 1 ? e.imod(axis('lane_y', down * split), split) : e.index(0)
  // Lanes that share a tile take neighbouring steps, one turn after another.
  if (whole > 0)
    body.push({
      k: 'loop',
      index: 'k',
      count:
        whole % split === 0 ? whole / split : e.idiv(e.call('sub', 'u32', [e.index(whole + split - 1), part]), split),
      body: step(e.imul(e.iadd(e.imul(axis('k', Math.ceil(whole / split)), split), part), unroll), unroll),
    })
  const first = split > 1 ? e.call('eq', 'bool', [part, e.index(0)]) : undefined
  const byFirst = (stmts: Stmt[]): Stmt[] => (first ? [{ k: 'if', cond: first, body: stmts }] : stmts)
  const rest = K - whole * unroll
  if (rest > 0) body.push(...byFirst(step(e.index(whole * unroll), rest)))
  const sums: Scratch[] = []
  if (split > 1) {
    const names = rowList.flatMap((i) => registers.map((j) => name(i, j)))
    const lanes = across * down * split
    const lane = e.iadd(e.imul(axis('lane_y', down * split), across), axis('lane_x', across))
    const added = addShares(e, { names, t, lanes, lane, part, split, apart: across })
    body.push(...added.body)
    sums.push(...added.scratch)
  }

  const sumOf = (i: number, j: number): Expr => narrowed(e, eqn.outputs[0].aval.dtype, e.variable(name(i, j), t))
  // Sums become fixed names, so that what follows may share and move them.
  for (const i of rowList) for (const j of registers) body.push({ k: 'let', name: `sum${i}_${j}`, value: sumOf(i, j) })
  const held = (i: number, j: number): Expr =>
    wide ? lane(e.variable(`sum${i}_${j >> 2}`, t), j % 4) : e.variable(`sum${i}_${j}`, t)
  const inside = (i: Expr, j: number): Expr | undefined => {
    const inM = raggedM ? e.call('lt', 'bool', [rowAt(i), e.index(M)]) : undefined
    const [at, limit] = N % columns === 0 ? [strip, strips] : [columnAt(j), N]
    const inN = raggedN ? e.call('lt', 'bool', [at, e.index(limit)]) : undefined
    return inM && inN ? e.call('and', 'bool', [inM, inN]) : (inM ?? inN)
  }
  const index = (i: Expr, j: number): Expr[] => [
    ...batchIndex,
    ...delinearize(e, rowAt(i), mShape),
    ...delinearize(e, columnAt(j), nShape),
  ]
  const stores = storeTile(e, b, grouping, g, {
    rows,
    columns,
    fours: columns % 4 === 0 && N % 4 === 0,
    index,
    value: held,
    inside,
    scratch: scratchBase + sums.length,
  })
  body.push(...byFirst(stores.body))
  return finish('matmul', b, { scratch: [...sums, ...stores.scratch], lanes: [across, down * split], workgroups, body })
}

const mentions = (x: Expr, v: Expr): boolean =>
  x === v || (x.k === 'op' && x.args.some((a) => mentions(a, v))) || (x.k === 'load' && mentions(x.at, v))
