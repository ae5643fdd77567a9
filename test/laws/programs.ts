import fc from 'fast-check'
import { sameShape, size } from '../../compiler/ir/types.js'
import '../../compiler/ops/index.js'
import type { AnyTensor, RefArray } from '../../compiler/ops/op.js'
import * as p from '../../compiler/ops/prim.js'
import { shapes } from '../../stdlib/testing/arbitraries.js'
import { uniform } from '../../stdlib/testing/uniform.js'

/** A random well-typed program: inputs, and a function of them that returns every value nothing else reads. */
export interface RandomProgram {
  readonly inputs: readonly RefArray[]
  readonly f: (...xs: AnyTensor[]) => AnyTensor[]
}

/** What to do next: a step, the values it reads and its choice of parameters. Any numbers make a valid program. */
type Instruction = readonly [step: number, a: number, b: number, choice: number]

/**
 * Programs of elementwise ops, views, reductions and dots; without those that jump, for comparing f32 with f64; or of
 * views alone, whose rewrites need long chains to meet.
 * They shrink by losing instructions.
 */
export const programs = ({ maxLength = 16, of = 'all' as keyof typeof kinds } = {}): fc.Arbitrary<RandomProgram> => {
  const steps = kinds[of]
  const nat = fc.nat({ max: 999 })
  return fc
    .record({
      shapes: fc.array(shapes({ maxRank: 3, maxDim: 3 }), { minLength: 1, maxLength: 3, size: 'max' }),
      seed: fc.nat({ max: 2 ** 31 }),
      code: fc.array(fc.tuple(nat, nat, nat, nat), { minLength: 1, maxLength, size: 'max' }),
    })
    .map(({ shapes, seed, code }) => {
      const random = uniform(seed)
      const inputs = shapes.map((shape) => {
        const x = random(shape, -2, 2)
        return { ...x, data: x.data.map(Math.fround) }
      })
      return {
        inputs,
        f: named((...xs) => assemble(xs, code, steps), `program of ${JSON.stringify({ shapes, code })}`),
      }
    })
}
const named = <F extends object>(f: F, name: string): F => Object.assign(f, { toString: () => name })

function assemble(inputs: readonly AnyTensor[], code: readonly Instruction[], steps: readonly Step[]): AnyTensor[] {
  const values = [...inputs]
  const unread = new Set(values)
  for (const [step, a, b, choice] of code) {
    // Half of all steps go on from the newest value, so that ops chain and rewrites of pairs meet their pairs.
    const x = a % 2 ? values[(a >> 1) % values.length] : values[values.length - 1]
    const partners = values.filter((y) => sameShape(y.aval.shape, x.aval.shape))
    const y = partners[b % partners.length]
    const result = steps[step % steps.length](x, y, choice, values)
    unread.delete(x)
    unread.delete(y)
    values.push(result)
    unread.add(result)
  }
  return [...unread]
}

type Step = (x: AnyTensor, y: AnyTensor, choice: number, values: readonly AnyTensor[]) => AnyTensor
const pick = <T>(options: readonly T[], choice: number): T => options[choice % options.length]
const rank = (x: AnyTensor): number => x.aval.shape.length
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
/** Products of two values are bounded on one side, so that no program overflows. */
const product = (x: AnyTensor, y: AnyTensor): AnyTensor => p.mul(x, p.tanh(y))

const elementwise: readonly Step[] = [
  (x, y) => p.add(x, y),
  (x, y) => p.sub(x, y),
  (x, y) => product(x, y),
  (x, y) => p.max(x, y),
  (x, y) => p.div(x, p.add(p.abs(y), p.like(y, 1))),
  (x, _y, choice) => pick([p.neg, p.tanh, p.sin, p.abs, p.stopGradient], choice)(x),
  (x, y, choice) => p.select(pick([p.lt, p.gt, p.ge], choice)(x, y), x, y),
  (x, _y, choice) => p.select(p.broadcastInDim(p.constant(choice % 2, 'bool'), x.aval.shape, []), x, p.neg(x)),
  (x, _y, choice) => pick([p.add, p.sub, p.mul, p.div], choice)(x, p.like(x, pick([1, 0.5, -1, 2], choice >> 2))),
  (x, _y, choice) => pick([p.add, p.mul, p.sub], choice)(p.like(x, pick([0, 1, -0, 3], choice >> 2)), x),
  (x, _y, choice) => p.mul(p.add(p.like(x, 0.5), p.like(x, pick([0.25, 0, 1], choice))), x),
]

/** Not continuous: rounding in f32 may tip them to another value altogether. */
const jumps: readonly Step[] = [
  (x) => p.floor(x),
  (x, _y, choice) => p.cast(p.cast(x, pick(['i32', 'bool', 'f32'] as const, choice)), 'f32'),
]

const views: readonly Step[] = [
  (x, _y, choice) => p.transpose(x, permutation(rank(x), choice)),
  (x, _y, choice) => p.reshape(x, reshaped(x, choice)),
  (x, _y, choice) => p.broadcastInDim(x, ...broadcastOf(x, choice)),
  (x, _y, choice) => sliced(x, choice),
  (x, _y, choice) => p.pad(x, p.constant(1), spread(rank(x), choice), spread(rank(x), choice >> 2)),
  (x, y, choice) => (rank(x) ? p.concat([x, y], choice % rank(x)) : x),
]

const sums: readonly Step[] = [
  (x, _y, choice) => pick([p.reduceSum, p.reduceMax, p.reduceMin], choice)(x, subset(rank(x), choice >> 2)),
  (x, _y, choice) => (rank(x) && size(x.aval.shape) ? p.softmax(x, choice % rank(x)) : x),
  (x, _y, choice, values) => dot(x, values, choice),
]

const kinds = {
  all: [...elementwise, ...jumps, ...views, ...sums],
  continuous: [...elementwise, ...views, ...sums],
  views,
} as const

const permutation = (n: number, choice: number): number[] => {
  const rotated = range(n).map((i) => (i + (choice >> 1)) % n)
  return choice & 1 ? rotated.reverse() : rotated
}
const subset = (n: number, bits: number): number[] => range(n).filter((i) => (bits >> i) & 1)
const spread = (n: number, bits: number): number[] => range(n).map((i) => (bits >> i) & 1)

function reshaped(x: AnyTensor, choice: number): number[] {
  const { shape } = x.aval
  const at = choice % (shape.length + 1)
  return pick(
    [[size(shape)], [...shape.slice(0, at), 1, ...shape.slice(at)], shape.filter((d) => d !== 1), [...shape]],
    choice >> 2,
  )
}

/** Dims of size 1 may grow, and one new dim may come in at any place. */
function broadcastOf(x: AnyTensor, choice: number): [shape: number[], dims: number[]] {
  const shape = x.aval.shape.map((d) => (d === 1 && choice & 1 ? 2 : d))
  if (choice & 2 || shape.length > 3) return [shape, range(shape.length)]
  const at = (choice >> 2) % (shape.length + 1)
  return [[...shape.slice(0, at), 2, ...shape.slice(at)], range(shape.length).map((d) => (d < at ? d : d + 1))]
}

function sliced(x: AnyTensor, choice: number): AnyTensor {
  const { shape } = x.aval
  const start = spread(shape.length, choice).map((s, d) => (shape[d] > 1 ? s : 0))
  return p.slice(x, start, shape)
}

/** Contracts the last dim of `x` with an equal dim of another value, bounded so that nothing overflows. */
function dot(x: AnyTensor, values: readonly AnyTensor[], choice: number): AnyTensor {
  const n = x.aval.shape[rank(x) - 1]
  const y = values.filter((v) => v.aval.shape.includes(n) && rank(v) <= 2)
  if (!rank(x) || rank(x) > 2 || !y.length) return x
  const other = p.tanh(pick(y, choice))
  return p.dotGeneral(x, other, {
    lhsContract: [rank(x) - 1],
    rhsContract: [other.aval.shape.indexOf(n)],
    lhsBatch: [],
    rhsBatch: [],
  })
}
