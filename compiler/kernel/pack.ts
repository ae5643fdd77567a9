import type { Var } from '../ir/types.js'
import type { Buffers } from './build.js'
import { type Expr, type Exprs, type ExprType, linearIndex, scalarType } from './expr.js'
import type { Stmt } from './ir.js'
import { commonNames } from './math/expand.js'

/** Four expressions as one vector, and four neighbouring elements as one access. */
export interface Packer {
  readonly pack: (xs: readonly Expr[]) => Expr
  /** Stores `v` at each index: four neighbours in one go. */
  readonly store: (v: Var, indices: readonly (readonly Expr[])[], values: readonly Expr[]) => Stmt[]
}

/** Operations that work alike on vectors; the rest is done element by element. */
const vectorised = new Set(
  'add sub mul div neg not and or xor eq ne lt le gt ge max min select cast stopGradient exp log sqrt rsqrt sin cos abs sign floor ceil round trunc popcount clz bits float fma tanh erf logistic pow roundF16 roundBf16 wrapI8 wrapU8'
    .split(' ')
    .concat([...commonNames]),
)

/**
 * Makes vector code from what four neighbouring elements are: expressions that differ only in where they read become one
 * (superword parallelism, Larsen & Amarasinghe 2000). What doesn't fit is computed one by one and put together.
 */
export function packer(e: Exprs, b: Buffers): Packer {
  const memo = new Map<string, Expr>()
  /** The vector's number when the addresses are four in a row from a multiple of four. */
  const address = (ats: readonly Expr[]): Expr | null => {
    const { base, of } = e.linear(ats[0])
    const aligned = base % 4 === 0 && [...of.values()].every((by) => by % 4 === 0)
    return aligned && ats.every((at, j) => at === e.iadd(ats[0], e.index(j))) ? e.idiv(ats[0], 4) : null
  }
  const make = (xs: readonly Expr[]): Expr => {
    const [x] = xs
    const t: ExprType = `${scalarType(x.t)}x4`
    if (xs.every((y) => y === x)) return x.k === 'lit' ? e.lit(t, x.value) : e.call('splat', t, [x])
    // What is taken apart goes back together.
    if (xs.every((y, j) => y.k === 'op' && y.f === `lane${j}` && y.args[0] === (x as typeof y).args[0]))
      return (x as Expr & { k: 'op' }).args[0]
    if (x.k === 'load' && xs.every((y) => y.k === 'load' && y.buffer === x.buffer)) {
      const at = address(xs.map((y) => (y as typeof x).at))
      if (at) return e.load(b.read(b.vars[x.buffer], 4), t, at)
    }
    if (x.k === 'op' && xs.every((y) => y.k === 'op' && y.f === x.f && y.args.length === x.args.length)) {
      const parts = xs as readonly (typeof x)[]
      if (isBound(parts)) return e.call('splat', t, [x])
      if (vectorised.has(x.f))
        return e.call(
          x.f,
          t,
          x.args.map((_, i) => pack(parts.map((y) => y.args[i]))),
        )
    }
    return e.call('vec4', t, xs)
  }
  /** i + j < n is the same for j = 0 … 3 when four divides i and n. */
  const isBound = (xs: readonly (Expr & { k: 'op' })[]): boolean => {
    const [i, n] = xs[0].args
    return (
      xs[0].f === 'lt' &&
      i.t === 'u32' &&
      n.k === 'lit' &&
      n.value % 4 === 0 &&
      xs.every((x) => x.args[1] === n) &&
      address(xs.map((x) => x.args[0])) !== null
    )
  }
  const pack = (xs: readonly Expr[]): Expr => {
    const key = xs.map((x) => x.id).join()
    const known = memo.get(key) ?? make(xs)
    memo.set(key, known)
    return known
  }
  const store = (v: Var, indices: readonly (readonly Expr[])[], values: readonly Expr[]): Stmt[] => {
    const ats = indices.map((index) => linearIndex(e, index, v.aval.shape))
    const at = ats.length === 4 ? address(ats) : null
    if (at) return [{ k: 'store', buffer: b.write(v, 4), at, value: pack(values) }]
    return ats.map((x, j) => ({ k: 'store', buffer: b.write(v), at: x, value: values[j] }))
  }
  return { pack, store }
}
