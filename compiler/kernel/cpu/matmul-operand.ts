import { isNarrow } from '../../ir/dtype.js'
import type { Var } from '../../ir/types.js'
import { size } from '../../ir/types.js'
import type { Graph } from '../../pass/graph.js'
import { strided } from '../../pass/strided.js'
import type { Buffers } from '../build.js'
import { costOf } from '../cost.js'
import { emitter } from '../emit.js'
import { delinearize, type Expr, type Exprs, stridedIndex } from '../expr.js'
import { type Fours, fours } from './matmul-lanes.js'

/** Which dims of an operand are batch, free and contracted. */
export interface OperandDims {
  readonly batch: readonly number[]
  readonly free: readonly number[]
  readonly contract: readonly number[]
}

/** An operand of a product as a matrix for each batch index: lines are its free dims, steps its contracted dims. */
export interface Operand {
  readonly lines: number
  readonly steps: number
  readonly lineShape: readonly number[]
  /** The element on a line at a step: a load, or what computes it when the operand isn't in memory. */
  element(batch: readonly Expr[], line: Expr, step: Expr): Expr
  /** How far apart elements are in memory from line to line and along a line; null: not evenly, or computed. */
  readonly strides: { readonly line: number | null; readonly step: number | null }
  /** Steps that follow one another evenly: all, or as many as an index divides by. */
  readonly run: number
  /** Where four neighbours are read, or computed, with less work. */
  readonly four: 'lines' | 'steps'
  /** Instructions that a vector of them takes. */
  readonly work: number
}

/** Reads `v` in memory through its views; if it isn't there, computes each element where it is wanted. `name` is the operand's own. */
export function operandOf(
  e: Exprs,
  b: Buffers,
  graph: Graph,
  name: string,
  v: Var,
  dims: OperandDims,
  inMemory: (v: Var) => boolean,
): Operand {
  const { shape } = v.aval
  const sizes = (which: readonly number[]): number[] => which.map((d) => shape[d])
  const [lineShape, stepShape] = [sizes(dims.free), sizes(dims.contract)]
  const [lines, steps] = [size(lineShape), size(stepShape)]
  const window = strided(graph, v, inMemory)
  const emit = emitter({ e, graph, held: new Map(), inMemory, load: (x, index) => b.load(e, x, index) })
  const inPlace = inMemory(window.base)
  const stridesOf = (which: readonly number[]): number[] => which.map((d) => window.strides[d])
  const sides = [merged(lineShape, stridesOf(dims.free)), merged(stepShape, stridesOf(dims.contract))]
  const element = (batch: readonly Expr[], line: Expr, step: Expr): Expr => {
    if (inPlace) {
      const parts = sides.map((side, i) => stridedIndex(e, delinearize(e, i ? step : line, side.shape), side.strides))
      const at = [stridedIndex(e, batch, stridesOf(dims.batch)), ...parts].reduce(e.iadd, e.index(window.offset))
      return e.load(b.read(window.base), 'f32', at)
    }
    const index: Expr[] = []
    const put = (which: readonly number[], at: readonly Expr[]): void => {
      which.forEach((d, i) => {
        index[d] = at[i]
      })
    }
    put(dims.batch, batch)
    put(dims.free, delinearize(e, line, lineShape))
    put(dims.contract, delinearize(e, step, stepShape))
    return emit(v, index)
  }

  const probe = (of: string, n: number): Expr => e.variable(`${name} ${of}`, 'u32', Math.max(0, n - 1))
  const batch = sizes(dims.batch).map((n, i) => probe(`batch ${i}`, n))
  const [line, step] = [probe('line', lines), probe('step', steps)]
  const one = element(batch, line, step)
  const run = runOf(e, one, step, steps)
  const runs = e.imul(probe('run', steps / run), run)
  const four = (along: 'lines' | 'steps'): number => {
    const first = e.imul(probe(`four ${along}`, Math.ceil((along === 'lines' ? lines : run) / 4)), 4)
    const xs = [0, 1, 2, 3].map((j) => {
      const at = e.iadd(first, e.index(j))
      return along === 'lines'
        ? element(batch, at, e.iadd(runs, probe('one', run)))
        : element(batch, line, e.iadd(runs, at))
    })
    return costOf([{ k: 'let', name: '', value: fours(e).vector(xs) }])
  }
  const [byLines, bySteps] = [four('lines'), four('steps')]
  return {
    lines,
    steps,
    lineShape,
    element,
    // What is widened as it is read is read once, into the thread's memory.
    strides: isNarrow(window.base.aval.dtype)
      ? { line: null, step: null }
      : { line: strideOf(e, one, line), step: strideOf(e, one, step) },
    run,
    four: byLines <= bySteps ? 'lines' : 'steps',
    work: Math.min(byLines, bySteps),
  }
}

/** Dims that are one in memory as one. */
function merged(shape: readonly number[], strides: readonly number[]): { shape: number[]; strides: number[] } {
  const out = { shape: [] as number[], strides: [] as number[] }
  shape.forEach((n, d) => {
    if (n === 1) return
    const last = out.shape.length - 1
    if (last >= 0 && out.strides[last] === n * strides[d]) {
      out.shape[last] *= n
      out.strides[last] = strides[d]
    } else {
      out.shape.push(n)
      out.strides.push(strides[d])
    }
  })
  return out
}

/** Shorter runs are not worth a loop of their own. */
const shortestRun = 16

/** The least number that an index of `x` divides steps by. */
function runOf(e: Exprs, x: Expr, step: Expr, steps: number): number {
  let run = steps
  const seen = new Set<Expr>()
  const visit = (y: Expr): void => {
    if (seen.has(y)) return
    seen.add(y)
    if (y.k === 'load') visit(y.at)
    if (y.k !== 'op') return
    const by = y.args[1]
    y.args.forEach(visit)
    if ((y.f !== 'idiv' && y.f !== 'imod') || by.k !== 'lit' || !mentions(y.args[0], step)) return
    // A quotient stays the same for a while.
    if (![...e.linear(y.args[0]).of.keys()].some((atom) => atom.k === 'op' && atom.f === 'idiv'))
      run = Math.min(run, by.value)
  }
  visit(x)
  return run >= shortestRun && run % 4 === 0 && steps % run === 0 ? run : steps
}

/** What one more of `probe` adds to the address of a load; null: not a load, or not always the same. */
function strideOf(e: Exprs, x: Expr, probe: Expr): number | null {
  if (x.k !== 'load') return null
  const { of } = e.linear(x.at)
  for (const [atom, by] of of) if (by < 0 || (atom !== probe && mentions(atom, probe))) return null
  return of.get(probe) ?? 0
}

const mentions = (x: Expr, v: Expr): boolean =>
  x === v || (x.k === 'op' && x.args.some((a) => mentions(a, v))) || (x.k === 'load' && mentions(x.at, v))

/** A quad of lines at a step as a vector, and at four steps. Beyond the last line there may be anything. */
export function quadReader(
  e: Exprs,
  o: Operand,
): {
  at(batch: readonly Expr[], quad: Expr, step: Expr): Expr
  square(batch: readonly Expr[], quad: Expr, step: Expr): readonly Expr[]
} {
  const lanes: Fours = fours(e)
  const line = (quad: Expr, j: number): Expr => {
    const at = e.iadd(e.imul(quad, 4), e.index(j))
    // Neighbours in memory are read beyond the edge, where there is padding at least.
    return o.lines % 4 === 0 || o.four === 'lines' ? at : e.call('min', 'u32', [at, e.index(o.lines - 1)], o.lines - 1)
  }
  const row = (batch: readonly Expr[], quad: Expr, step: Expr): Expr[] =>
    [0, 1, 2, 3].map((j) => o.element(batch, line(quad, j), step))
  return {
    at: (batch, quad, step) => lanes.vector(row(batch, quad, step)),
    square: (batch, quad, step) => lanes.square([0, 1, 2, 3].map((i) => row(batch, quad, e.iadd(step, e.index(i))))),
  }
}
