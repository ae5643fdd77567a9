import { isFloat } from '../ir/dtype.js'
import type { Aval, DType, Params } from '../ir/types.js'
import { sameShape, showAval, showShape } from '../ir/types.js'
import { FoveaError } from '../trace/error.js'
import { fail } from './rules.js'

/** What the ops of attention share: queries [B, T, N, H], keys and values [B, S, K, H], N a multiple of K. */
export interface AttentionDims {
  readonly B: number
  readonly T: number
  readonly S: number
  readonly N: number
  readonly K: number
  readonly H: number
}

/** Which operands have a derivative, or get one. */
export const differentiated = ['q', 'k', 'v', 'bias'] as const
export type Differentiated = (typeof differentiated)[number]

/** Static parameters. `bias` and `mask` say whether those operands are there: always the last ones, in this order. */
export interface AttentionParams {
  readonly scale: number
  /** Query t sees keys 0 … t. */
  readonly isCausal: boolean
  readonly bias: boolean
  readonly mask: boolean
}
/** `of`: the operands that have tangents (attentionTangent), or whose gradients are the results (attentionGrad). */
export interface AttentionLinearParams extends AttentionParams {
  readonly of: readonly Differentiated[]
}
export const attentionParams = (params: Params): AttentionLinearParams => params as unknown as AttentionLinearParams

/**
 * The score of a pair that is masked: 0.7 times the least f32, as in jax.nn.dot_product_attention. A row of which nothing is
 * left has equal scores, and so the mean of all values; its log of the sum of exponentials rounds to this number.
 */
export const maskedScore = Math.fround(-0.7 * 3.4028234663852886e38)

/** Operands by name; bias and mask are the last. */
export function lastOperands<X>(xs: readonly X[], { bias, mask }: AttentionParams): { bias?: X; mask?: X; rest: X[] } {
  const rest = [...xs]
  const taken = { mask: mask ? rest.pop() : undefined }
  return { ...taken, bias: bias ? rest.pop() : undefined, rest }
}

/** Sums and logarithms stay in f32, whatever the operands are. */
export function expectDtype(name: string, x: Aval, dtype: DType): void {
  if (x.dtype !== dtype) throw new FoveaError('dtype', `${name}: expected ${dtype}, got ${showAval(x)}`)
}

/** Checks operands of the op `name` and gives their sizes. */
export function attentionDims(name: string, ins: readonly Aval[], params: AttentionParams): AttentionDims {
  const { bias, mask, rest } = lastOperands(ins, params)
  const [q, k, v] = rest
  for (const x of [q, k, v]) {
    if (x?.shape.length !== 4) fail(`${name}: expected [batch, length, heads, width], got ${x && showAval(x)}`)
    if (!isFloat(x.dtype)) throw new FoveaError('dtype', `${name}: expected a float, got ${showAval(x)}`)
    if (x.dtype !== q.dtype)
      throw new FoveaError('dtype', `${name}: dtypes differ: ${q.dtype} vs ${x.dtype}; cast one of them`)
  }
  const [B, T, N, H] = q.shape
  const [, S, K] = k.shape
  if (!sameShape(k.shape, v.shape) || k.shape[0] !== B || k.shape[3] !== H || N % K !== 0)
    fail(`${name}: queries ${showAval(q)} do not fit keys ${showAval(k)} and values ${showAval(v)}`)
  const full = [B, N, T, S]
  for (const [x, dtype] of [[bias, 'f32'] as const, [mask, 'bool'] as const]) {
    if (!x) continue
    expectDtype(name, x, dtype)
    if (x.shape.length !== 4 || !x.shape.every((n, d) => n === 1 || n === full[d]))
      fail(`${name}: expected ${dtype} that broadcasts to ${showShape(full)}, got ${showAval(x)}`)
  }
  return { B, T, S, N, K, H }
}
