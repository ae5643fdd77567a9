import { arrayBytes } from '../ir/dtype.js'
import { type Eqn, type Loc, size, type Var } from '../ir/types.js'
import { attentionDims, attentionParams } from '../ops/attention-dims.js'
import { dotGroups } from '../ops/contract.js'
import { opOf } from '../ops/op.js'
import type { DotDims } from '../ops/prim.js'
import type { Kernel } from './ir.js'

/** What a kernel has to do, by its equations: for profiles. */
export interface Work {
  /** What it is, in words: 'product 1088×256×64 + erf, mul'. */
  readonly label: string
  /** Floating-point operations: a multiply-add is two, exp and its like as many as they take in additions. */
  readonly flops: number
  /** What must be read and written at least: each array once, of a larger one the part that is used. */
  readonly bytes: number
  /** Which equations it is of, and their shares of the work, which make 1. */
  readonly parts: readonly Part[]
}
export interface Part {
  readonly op: string
  readonly scope: string
  readonly loc?: Loc
  readonly share: number
}

/** The work of a kernel that computes these equations; `main` is what it is there for. */
export function workOf(eqns: readonly Eqn[], main: Eqn, { buffers }: Pick<Kernel, 'buffers'>): Work {
  const work = eqns.map(flopsOf)
  const flops = work.reduce((a, b) => a + b, 0)
  const parts = eqns.flatMap(({ op, scope, loc }, i) =>
    work[i] > 0 ? [{ op, scope, loc, share: work[i] / flops }] : [],
  )
  const { op, scope, loc } = main
  return {
    label: labelOf(eqns, main),
    flops,
    bytes: bytesRead(eqns) + bytesWritten(eqns, buffers),
    // What only moves elements is of the equation it is there for.
    parts: parts.length > 0 ? parts : [{ op, scope, loc, share: 1 }],
  }
}

const windowOf = ({ inputs, outputs, params }: Eqn): Var => (params.inPlace ? inputs[1] : outputs[0])
const largest = (vars: readonly Var[]): number => vars.reduce((most, v) => Math.max(most, size(v.aval.shape)), 0)

function flopsOf(eqn: Eqn): number {
  const { kernel } = opOf(eqn.op)
  switch (kernel.kind) {
    case 'map':
      return kernel.cost * size(windowOf(eqn).aval.shape)
    case 'dot':
      return 2 * size(eqn.outputs[0].aval.shape) * dotSizes(eqn).k
    case 'attention': {
      const { B, N, T, S, H } = attentionSizes(eqn)
      const { of, isCausal } = attentionParams(eqn.params)
      // Scores and their sums of values; backwards scores again, their gradients, and a product for each of q, k and v.
      const products = of ? 2 + of.filter((x) => x !== 'bias').length : 2
      return ((2 * products * H + 20) * B * N * T * S) / (isCausal ? 2 : 1)
    }
    default:
      return largest(eqn.inputs)
  }
}

const bytesOf = ({ aval: { shape, dtype } }: Var): number => arrayBytes(size(shape), dtype)

function bytesRead(eqns: readonly Eqn[]): number {
  const made = new Set(eqns.flatMap((q) => q.outputs))
  const read = new Map<Var, number>()
  for (const eqn of eqns) {
    const { kernel } = opOf(eqn.op)
    const isPart = kernel.kind === 'map' && kernel.cost === 0
    eqn.inputs.forEach((v, i) => {
      if (made.has(v) || (eqn.params.inPlace && i === 0)) return
      const all = bytesOf(v)
      const some =
        isPart && i === 0 ? Math.min(all, largest(eqn.outputs) * (all / Math.max(1, size(v.aval.shape)))) : all
      read.set(v, Math.min(all, (read.get(v) ?? 0) + some))
    })
  }
  return [...read.values()].reduce((a, b) => a + b, 0)
}

function bytesWritten(eqns: readonly Eqn[], buffers: Kernel['buffers']): number {
  const windows = eqns.filter((q) => q.params.inPlace)
  const whole = buffers
    .filter((b) => b.access === 'read_write')
    .reduce((sum, b) => sum + arrayBytes(b.size, b.dtype), 0)
  // Of what is updated in place only the window is written.
  return windows.reduce((sum, q) => sum - bytesOf(q.outputs[0]) + bytesOf(q.inputs[1]), whole)
}

const product = (sizes: readonly number[]): number => sizes.reduce((n, d) => n * d, 1)
function dotSizes({ inputs: [a, b], params }: Eqn): { batch: number; m: number; n: number; k: number } {
  const dims = params as unknown as DotDims
  const [lhs, rhs] = [a.aval.shape, b.aval.shape]
  const { lhsFree, rhsFree } = dotGroups(lhs, rhs, dims)
  const of = (shape: readonly number[], at: readonly number[]): number => product(at.map((d) => shape[d]))
  return { batch: of(lhs, dims.lhsBatch), m: of(lhs, lhsFree), n: of(rhs, rhsFree), k: of(lhs, dims.lhsContract) }
}
const attentionSizes = ({ op, inputs, params }: Eqn) =>
  attentionDims(
    op,
    inputs.slice(0, 3).map((v) => v.aval),
    { ...attentionParams(params), bias: false, mask: false },
  )

const showSizes = (sizes: readonly number[]): string => (sizes.length ? sizes.join('×') : 'scalar')
const reductions = { add: 'sum', max: 'max', min: 'min', mul: 'prod' } as const
const mostOps = 4

function labelOf(eqns: readonly Eqn[], main: Eqn): string {
  const kindOf = (eqn: Eqn): string => opOf(eqn.op).kernel.kind
  const around = new Map<string, number>()
  for (const eqn of eqns) {
    const { kernel } = opOf(eqn.op)
    if (kernel.kind === 'map' && kernel.cost > 0) around.set(eqn.op, (around.get(eqn.op) ?? 0) + flopsOf(eqn))
  }
  const names = [...around].sort((a, b) => b[1] - a[1]).map(([name]) => name)
  const most = [...names.slice(0, mostOps), ...(names.length > mostOps ? ['…'] : [])].join(', ')
  const shape = showSizes(windowOf(main).aval.shape)
  if (kindOf(main) === 'map') {
    if (names.length) return `${most} ${shape}`
    // A copy for its own sake is stopGradient, the identity, in the IR (pass/copies.ts).
    return `copy ${shape}${['reshape', 'stopGradient'].includes(main.op) ? '' : ` (${main.op})`}`
  }
  return most ? `${anchorLabel(eqns, main)} + ${most}` : anchorLabel(eqns, main)
}

function anchorLabel(eqns: readonly Eqn[], main: Eqn): string {
  const { kernel } = opOf(main.op)
  switch (kernel.kind) {
    case 'dot': {
      const { batch, m, n, k } = dotSizes(main)
      return `${batch > 1 ? `${batch} products` : 'product'} ${m}×${n}×${k}`
    }
    case 'reduce': {
      const names = eqns.flatMap((q) => {
        const rule = opOf(q.op).kernel
        return rule.kind === 'reduce' ? [reductions[rule.combine]] : []
      })
      return `${[...new Set(names)].join(', ')} of ${showSizes(main.inputs[0].aval.shape)} to ${showSizes(main.outputs[0].aval.shape)}`
    }
    case 'attention': {
      const { B, N, T, S, H } = attentionSizes(main)
      return `${main.op} ${B}×${N} heads ${T}×${S}×${H}`
    }
    default:
      return `${main.op} ${showSizes(main.outputs[0].aval.shape)}`
  }
}
