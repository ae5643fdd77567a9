import {
  add,
  arange,
  argmax,
  cumsum,
  log,
  mul,
  reshape,
  searchsorted,
  slice,
  sort,
  sub,
  take,
  topK,
  transpose,
} from '../../compiler/lang/index.js'
import { FoveaError } from '../../compiler/trace/error.js'
import { Tensor } from '../../compiler/trace/tensor.js'
import { gumbel } from './continuous.js'
import { type Any, bits, type Key, type Of, split } from './keys.js'
import { randint, unit } from './uniform.js'

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

export interface CategoricalOptions<N> {
  /** Of the result. Its last dims are those of the logits without `axis`; the dims before them are draws. Default: one draw. */
  readonly shape?: N
  /** Where in `logits` the categories are, the last when absent. */
  readonly axis?: number
  /** false: the draws of one row are distinct. */
  readonly replace?: boolean
}

/**
 * Draws of categories (i32) from unnormalised log probabilities, by the largest of logits with Gumbel noise.
 * Throws FoveaError 'input' when `shape` doesn't end with the logits' other dims, or asks for more distinct draws than there are
 * categories. Source: Gumbel 1954; without replacement: Vieira 2014, "Gumbel-max trick and weighted reservoir sampling".
 *
 * @example
 * const token = categorical(key(0), tensor([0, 1, 2]))
 * const five = categorical(key(0), ones([2, 3]), { shape: [5, 2] })
 */
export function categorical<const N extends readonly number[] = readonly number[]>(
  k: Key,
  logits: Tensor<any, 'f32'>,
  { shape, axis = -1, replace = true }: CategoricalOptions<N> = {},
): Of<N, 'i32'> {
  const x = logits as Any
  const dims = x.shape as readonly number[]
  const at = axis < 0 ? axis + dims.length : axis
  if (!(at >= 0 && at < dims.length))
    throw new FoveaError('input', `categorical: axis ${axis} is out of range for [${dims.join(', ')}]`)
  const rows = dims.filter((_, d) => d !== at)
  const asked: readonly number[] = shape ?? rows
  const draws = asked.slice(0, asked.length - rows.length)
  if (asked.length < rows.length || rows.some((d, i) => d !== asked[draws.length + i]))
    throw new FoveaError(
      'input',
      `categorical: expected a shape that ends with [${rows.join(', ')}], got [${asked.join(', ')}]`,
    )
  if (replace) return argmax(add(gumbel(k, [...draws, ...dims]) as Any, x) as Any, draws.length + at) as Any
  const n = product(draws)
  if (n > dims[at]) throw new FoveaError('input', `categorical: expected at most ${dims[at]} distinct draws, got ${n}`)
  const noisy = add(x, gumbel(k, dims) as Any) as Any
  const order = [...dims.keys()].filter((d) => d !== at)
  const best = topK(transpose(noisy, [...order, at] as any) as Any, n).indices as Any
  // The draws' dims are in front in the result.
  const last = rows.length
  return reshape(transpose(best, [last, ...rows.keys()] as any) as Any, asked as any) as Any
}

/** In an order drawn by sorting along `axis` by fresh random words, as often as makes equal words on every round unlikely. */
function shuffle(k: Key, x: Any, axis: number): Any {
  const rounds = Math.ceil((3 * Math.log(Math.max(1, x.size))) / Math.log(2 ** 32 - 1))
  let [key, shuffled] = [k, x]
  for (let i = 0; i < rounds; i++) {
    const [next, now] = split(key)
    shuffled = (sort([bits(now, x.shape as any) as Any, shuffled], axis) as unknown as Any[])[1]
    key = next
  }
  return shuffled
}

/**
 * A random order: of 0 … n-1 (i32) for a number, of a tensor's rows along `axis` for a tensor. With `independent`, every line along the
 * axis has an order of its own. Throws FoveaError 'input' when the axis is out of range.
 *
 * @example
 * const order = permutation(key(0), 10)
 */
export function permutation<X extends number | Any>(
  k: Key,
  x: X,
  { axis = 0, independent = false }: { readonly axis?: number; readonly independent?: boolean } = {},
): X extends number ? Tensor<[X], 'i32'> : X {
  const rows = (x instanceof Tensor ? x : arange(x as number)) as Any
  const d = axis < 0 ? axis + rows.ndim : axis
  if (!(d >= 0 && d < rows.ndim))
    throw new FoveaError(
      'input',
      `permutation: axis ${axis} is out of range for [${(rows.shape as number[]).join(', ')}]`,
    )
  if (independent || rows.ndim === 1) return shuffle(k, rows, d) as any
  const order = shuffle(k, arange((rows.shape as number[])[d]) as Any, 0)
  return rowsAt(rows, order, d) as any
}

/** Rows along an axis at ids of any shape, which stand in the axis' place. */
function rowsAt(x: Any, ids: Any, axis: number): Any {
  const rest = [...(x.shape as number[]).keys()].filter((d) => d !== axis)
  const taken = take(transpose(x, [axis, ...rest] as any) as Any, ids) as Any
  const n = ids.ndim
  const back = rest.map((d, i) => ({ d, from: n + i }))
  const order = [
    ...back.filter(({ d }) => d < axis).map(({ from }) => from),
    ...Array.from({ length: n }, (_, i) => i),
    ...back.filter(({ d }) => d > axis).map(({ from }) => from),
  ]
  return transpose(taken, order as any) as Any
}

export interface ChoiceOptions {
  /** false: no row is drawn twice. */
  readonly replace?: boolean
  /** Probabilities of the rows, f32 [n]. Equal when absent. */
  readonly p?: Tensor<any, 'f32'>
  /** Along which rows are drawn. */
  readonly axis?: number
}

/**
 * Draws of 0 … n-1 (i32) for a number, or of a tensor's rows along `axis`, in whose place `shape` then stands.
 * Throws FoveaError 'input' when there are no rows, fewer than distinct draws, or `p` isn't [n].
 *
 * @example
 * const three = choice(key(0), 10, [3], { replace: false })
 */
export function choice<const N extends readonly number[]>(
  k: Key,
  a: number | Tensor<any, any>,
  shape: N,
  { replace = true, p, axis = 0 }: ChoiceOptions = {},
): Tensor<any, any> {
  const rows = a instanceof Tensor ? (a as Any) : undefined
  const d = rows && axis < 0 ? axis + rows.ndim : axis
  const n = rows ? (rows.shape as number[])[d] : (a as number)
  const draws = product(shape)
  const given = p as Any | undefined
  if (!(n >= 1)) throw new FoveaError('input', `choice: expected at least one to choose from, got ${n}`)
  if (!replace && draws > n) throw new FoveaError('input', `choice: expected at most ${n} distinct draws, got ${draws}`)
  if (given && !(given.ndim === 1 && given.size === n))
    throw new FoveaError('input', `choice: expected p of shape [${n}], got [${(given.shape as number[]).join(', ')}]`)
  const ids = drawIds(k, n, shape, replace, given)
  return rows ? rowsAt(rows, ids, d) : ids
}

function drawIds(k: Key, n: number, shape: readonly number[], replace: boolean, p: Any | undefined): Any {
  const draws = product(shape)
  if (!p && replace) return randint(k, shape, 0, n) as Any
  if (!p) return reshape(slice(permutation(k, n) as Any, [0], [draws]) as Any, shape as any) as Any
  if (replace) {
    const sums = cumsum(p, 0) as Any
    const total = slice(sums, [n - 1], [n]) as Any
    const r = mul(reshape(total, []) as Any, sub(1, unit(k, shape)) as Any) as Any
    return searchsorted(sums, r) as Any
  }
  const best = topK(add(gumbel(k, [n]) as Any, log(p) as Any) as Any, draws).indices as Any
  return reshape(best, shape as any) as Any
}
