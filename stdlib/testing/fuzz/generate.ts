import type { DType, Params } from '../../../compiler/ir/types.js'
import { isFloat, sameShape } from '../../../compiler/ir/types.js'
import { allOps, type OpRecord, opOf, type Sample } from '../../../compiler/ops/op.js'
import { dtypes } from '../elements.js'
import type { Draw } from './draw.js'
import { changeNumber, families, mapNumbers, numbersIn } from './params.js'
import type { RandomProgram } from './program.js'
import { type Growing, growing, type Range, type Value } from './values.js'

export interface GenerateOptions {
  /** The ops that programs are made of, besides casts and views that fit operands; default all. */
  readonly ops?: readonly OpRecord[]
  /** Most steps, each an equation and what fits its operands; default 10. */
  readonly maxLength?: number
}

/**
 * A well-typed program of the registry's ops. Operands are earlier values or new inputs. Records say what is legal: their
 * samples give dtypes, ranges and params to begin with, and `infer` judges each change.
 */
export function generate(draw: Draw, { ops = languageOps(), maxLength = 10 }: GenerateOptions = {}): RandomProgram {
  const g = growing(draw)
  const kinds = byKind(ops)
  for (let i = draw.int(3); i >= 0; i--) g.input(shape(draw), draw.chance(0.75) ? 'f32' : draw.pick(dtypes))
  const steps = 1 + draw.int(maxLength)
  for (let i = 0; i < steps; i++) {
    // By op, or by kind of op, so that the many elementwise ones don't crowd out the rest.
    const record = draw.pick(draw.chance(0.6) ? ops : draw.pick(kinds))
    // What doesn't fit is tried again another way, and then left.
    for (let attempt = 0; attempt < 4; attempt++) if (step(draw, g, record)) break
  }
  return g.finish('random')
}

/** Steps of a larger op, which it expands to: what they take must be as that op makes it, and only it knows how. */
const parts: readonly OpRecord['kernel']['kind'][] = ['segments', 'cumulative', 'digitCounts', 'digitSort']

/** All ops but those that are steps of others, and functions with rules of their own, which have no samples. */
export const languageOps = (): readonly OpRecord[] =>
  allOps().filter(({ kernel, samples }) => samples.length && !parts.includes(kernel.kind))

/** Ops in groups of one kind. */
function byKind(ops: readonly OpRecord[]): OpRecord[][] {
  const groups = new Map<string, OpRecord[]>()
  for (const record of ops) {
    const kind = `${record.kernel.kind} ${record.batch === 'elementwise'}`
    groups.set(kind, [...(groups.get(kind) ?? []), record])
  }
  return [...groups.values()]
}

const shape = (draw: Draw): number[] =>
  Array.from({ length: draw.int(4) }, () =>
    draw.chance(0.03) ? 0 : draw.chance(0.1) ? 5 + draw.int(8) : 1 + draw.int(4),
  )

function step(draw: Draw, g: Growing, record: OpRecord): boolean {
  const sample = draw.pick(record.samples)
  const family =
    families[
      Object.keys(sample.params ?? {})
        .sort()
        .join()
    ]
  const x = existing(draw, g)
  if (!sample.inputs.length) return Boolean(g.apply(record, [], family?.(draw, x) ?? sample.params))
  if (record.batch === 'elementwise' && draw.chance(0.8)) return elementwise(draw, g, record, sample, x)
  if (family && draw.chance(0.8)) return byFamily(draw, g, record, sample, x, family(draw, x))
  return bySample(draw, g, record, changed(draw, sample))
}

/** Half of all steps go on from the newest value, so that ops chain and meet. */
const existing = (draw: Draw, g: Growing): Value =>
  draw.chance(0.5) ? g.values[g.values.length - 1] : draw.pick(g.values)

function elementwise(draw: Draw, g: Growing, record: OpRecord, sample: Sample, x: Value): boolean {
  const instead = dtypeChange(draw, sample)
  const operands = operandsOf(
    draw,
    g,
    sample.inputs.map(({ dtype = 'f32', ...more }) => ({ ...more, shape: x.v.aval.shape, dtype: instead(dtype) })),
    x,
  )
  const params =
    sample.params?.dtype && draw.chance(0.5) ? { ...sample.params, dtype: draw.pick(dtypes) } : sample.params
  return Boolean(operands && g.apply(record, operands, params))
}

/** Params fit `x`; further operands are what the sample has there, in the shape of `x` where the sample's have one shape. */
function byFamily(draw: Draw, g: Growing, record: OpRecord, sample: Sample, x: Value, params?: Params): boolean {
  if (!params) return false
  const [first] = sample.inputs
  const instead = dtypeChange(draw, sample)
  const operands = operandsOf(
    draw,
    g,
    sample.inputs.map(({ dtype = 'f32', shape, ...more }, i) => ({
      ...more,
      dtype: instead(dtype),
      shape: i === 0 || shape.length === first.shape.length ? x.v.aval.shape : shape,
    })),
    x,
  )
  // Params that the family doesn't know keep the sample's values.
  return Boolean(operands && g.apply(record, operands, { ...sample.params, ...params }))
}

function bySample(draw: Draw, g: Growing, record: OpRecord, sample: Sample): boolean {
  const avals = sample.inputs.map(({ dtype = 'f32', ...more }) => ({ ...more, dtype }))
  try {
    record.infer(avals, sample.params ?? {}, sample.fns)
  } catch {
    return false
  }
  // What a loop runs on decides whether it ends.
  const operands = operandsOf(draw, g, avals, undefined, sample.fns !== undefined)
  return Boolean(operands && g.apply(record, operands, sample.params, sample.fns))
}

interface Wanted extends Range {
  readonly shape: readonly number[]
  readonly dtype: DType
}
/** Values of these types: `x`, others that fit or are made to, or new inputs. Floats are brought into their range now and then, or always when `strict`. */
function operandsOf(draw: Draw, g: Growing, wanted: readonly Wanted[], x?: Value, strict = false): Value[] | undefined {
  const operands: Value[] = []
  const at = x ? draw.int(wanted.length) : -1
  for (const [i, want] of wanted.entries()) {
    const alike = g.values.filter((y) => y.v.aval.dtype === want.dtype && sameShape(y.v.aval.shape, want.shape))
    const from = i === at ? x! : alike.length && draw.chance(0.8) ? draw.pick(alike) : existing(draw, g)
    const ids = !isFloat(want.dtype) && (want.high !== undefined || want.values)
    const fresh = ids || draw.chance(g.length < 3 ? 0.3 : 0.1)
    const value = fresh ? g.input(want.shape, want.dtype, want) : g.fit(from, want.shape, want.dtype)
    const ready = value && (strict || draw.chance(0.5)) ? within(g, value, want) : value
    if (!ready) return undefined
    operands.push(ready)
  }
  return operands
}

/** low + (high - low) · logistic(x) */
function within(g: Growing, x: Value, { low, high, values, dtype, shape }: Wanted): Value | undefined {
  if (!isFloat(dtype) || low === undefined || high === undefined || values) return x
  if (x.at.data.every((v) => v >= low && v <= high)) return x
  const full = (value: number): Value | undefined => {
    const scalar = g.apply(opOf('constant'), [], { value, dtype })?.[0]
    return scalar && g.fit(scalar, shape, dtype)
  }
  const apply = (op: string, ...xs: (Value | undefined)[]): Value | undefined =>
    xs.every((y) => y !== undefined) ? g.apply(opOf(op), xs)?.[0] : undefined
  return apply('add', apply('mul', apply('logistic', x), full(high - low)), full(low))
}

/** One dtype of a sample taken for another, now and then. */
function dtypeChange(draw: Draw, sample: Sample): (dtype: DType) => DType {
  if (draw.chance(0.7)) return (dtype) => dtype
  const from = sample.inputs[draw.int(sample.inputs.length)]?.dtype ?? 'f32'
  const to = draw.pick(dtypes)
  return (dtype) => (dtype === from ? to : dtype)
}

/** A sample with sizes and params changed, whether that is legal or not. */
function changed(draw: Draw, sample: Sample): Sample {
  let { inputs, params = {} } = sample
  const instead = dtypeChange(draw, sample)
  inputs = inputs.map((x) => ({ ...x, dtype: instead(x.dtype ?? 'f32') }))
  while (draw.chance(0.5)) {
    const sizes = [...inputs.flatMap((x) => x.shape), ...numbersIn(params)]
    if (!sizes.length) break
    const [from, to] = [draw.pick(sizes), draw.chance(0.05) ? 0 : 1 + draw.int(6)]
    const rename = (n: number): number => (n === from ? to : n)
    if (draw.chance(0.8)) inputs = inputs.map((x) => ({ ...x, shape: x.shape.map(rename) }))
    if (draw.chance(0.5)) params = mapNumbers(params, rename) as Params
  }
  const count = numbersIn(params).length
  if (count && draw.chance(0.4))
    params = changeNumber(params, draw.int(count), (x) => x + (draw.chance(0.5) ? 1 : -1)) as Params
  return { ...sample, inputs, params }
}
