import type { Wide } from '../ir/dtype.js'
import type { Target } from '../ir/program.js'
import type { Aval, DType, Fn, Params } from '../ir/types.js'
import type { Expr, Exprs } from '../kernel/expr.js'
import type { Tensor } from '../trace/tensor.js'

/** A value of the reference interpreter: row-major f64 data. bool is 0/1; i32/u32 are exact integers. */
export interface RefArray {
  readonly shape: readonly number[]
  readonly dtype: DType
  readonly data: Float64Array
}

/** A type as kernels compute in it: narrow dtypes are widened. */
export interface WideAval extends Aval {
  readonly dtype: Wide
}

/** Any tensor, whatever its static type. */
export type AnyTensor = Tensor<any, any>

/** Tangents in, tangents out; `null` is a symbolic zero. `outs` are the primal results. */
export type JvpRule = (c: {
  readonly inputs: readonly AnyTensor[]
  readonly outs: readonly AnyTensor[]
  readonly tangents: readonly (AnyTensor | null)[]
  readonly params: Params
  readonly fns: readonly Fn[]
}) => (AnyTensor | null)[]

/**
 * The derivative of an op that runs functions: it gives the outputs too, since one loop may have both. `linear`: the tangents' part is to
 * be transposed, so no output may depend on tangents, and what is needed of the primal part are operands of the tangents' own equation.
 */
export interface WholeJvp {
  readonly whole: (c: {
    readonly inputs: readonly AnyTensor[]
    readonly tangents: readonly (AnyTensor | null)[]
    readonly params: Params
    readonly fns: readonly Fn[]
    readonly linear: boolean
  }) => { readonly outs: readonly AnyTensor[]; readonly tangents: readonly (AnyTensor | null)[] }
}

/**
 * Cotangents of the outputs in, one cotangent per input out. `linear[i]` says whether input i is linear here;
 * only linear inputs need an answer, and the value of a linear input must not be read (its aval may).
 */
export type TransposeRule = (c: {
  readonly cotangents: readonly (AnyTensor | null)[]
  readonly inputs: readonly AnyTensor[]
  readonly linear: readonly boolean[]
  readonly params: Params
  readonly fns: readonly Fn[]
}) => (AnyTensor | null)[]

/**
 * vmap: inputs whose `batched[i]` is true carry the mapped axis, of `size`, in front. Returns the outputs, all with the mapped axis in
 * front, or which have it. `axisName` is what collectives in the function call the axis.
 * 'elementwise' broadcasts the inputs that are not batched.
 */
export type BatchRule =
  | 'elementwise'
  | ((c: {
      readonly inputs: readonly AnyTensor[]
      readonly batched: readonly boolean[]
      readonly size: number
      readonly axisName?: string
      readonly params: Params
      readonly fns: readonly Fn[]
    }) => AnyTensor[] | { readonly outs: AnyTensor[]; readonly batched: readonly boolean[] })

/** Reads operand `i` of the equation at an index (one u32 expression per dim). */
export type Read = (operand: number, index: readonly Expr[]) => Expr

export type KernelRule =
  /** Each element of the output is an expression of elements of the operands; fuses anywhere. */
  | {
      readonly kind: 'map'
      readonly value: (c: {
        e: Exprs
        read: Read
        index: readonly Expr[]
        params: Params
        ins: readonly WideAval[]
        out: WideAval
      }) => Expr
      /** Work per element in additions; 0 for views and constants, which are never stored for their own sake. */
      readonly cost: number
      /** Where in the output the element `index` of operand 0 goes, when the map is a bijection that only moves elements. */
      readonly inverse?: (c: {
        e: Exprs
        index: readonly Expr[]
        params: Params
        in: Aval
        out: Aval
      }) => readonly Expr[]
      /**
       * The result is operand 0 but for a window, which is operand 1: where in the result operand 1's element `index` goes.
       * Where operand 0's memory may be taken, only the window is written.
       */
      readonly update?: (c: {
        e: Exprs
        read: Read
        index: readonly Expr[]
        params: Params
        ins: readonly Aval[]
      }) => readonly Expr[]
      /** f(a, b, c) = f(f(a, b), c): an equation of many operands may be split. */
      readonly associative?: boolean
      /** Strided views: output strides and offset from operand 0's, or null when the result is not strided. */
      readonly strides?: (c: {
        shape: readonly number[]
        strides: readonly number[]
        params: Params
        out: Aval
      }) => { strides: number[]; offset: number } | null
    }
  /** Combines elements along params.axes. */
  | { readonly kind: 'reduce'; readonly combine: 'add' | 'max' | 'min' | 'mul' }
  /** A kernel of its own, which reads its operands as strided windows on memory: dotGeneral, scatterAdd. */
  | { readonly kind: 'dot' }
  /** Combines rows by number: operands are those of scatterAdd. A kernel of its own on targets that it fits, else it expands. */
  | {
      readonly kind: 'scatter'
      readonly combine: 'add' | 'mul' | 'max' | 'min'
      readonly fits: (ins: readonly Aval[], params: Params, target: Target) => boolean
      readonly expand: (inputs: readonly AnyTensor[], params: Params) => AnyTensor[]
    }
  /** Combines rows that were sorted: operands are those of sortedSegments. */
  | { readonly kind: 'segments' }
  /** Running totals in blocks: operands are those of cumulativeBlocks. */
  | { readonly kind: 'cumulative' }
  /** Runs functions (its equation's `fns`), or orders others: has no kernel itself. */
  | { readonly kind: 'control' }
  /** A kernel of its own on targets that it fits, else expands. The first operands are in memory for it; the rest may be computed in it. */
  | {
      readonly kind: 'attention'
      readonly inMemory: number
      readonly fits: (ins: readonly Aval[], params: Params, target: Target) => boolean
      readonly expand: (inputs: readonly AnyTensor[], params: Params, target?: Target) => AnyTensor[]
    }
  /** A pass of a sort: operands are those of the op of that name. */
  | { readonly kind: 'digitCounts' | 'digitSort' }
  /** Expands to other ops before fusion. */
  | { readonly kind: 'composite'; readonly expand: (inputs: readonly AnyTensor[], params: Params) => AnyTensor[] }

/** One call that registry-driven tests make. `inputs` are shapes with dtype; `values` bounds what is drawn. */
export interface Sample {
  readonly inputs: readonly {
    readonly shape: readonly number[]
    readonly dtype?: DType
    readonly low?: number
    readonly high?: number
    readonly values?: readonly number[]
  }[]
  readonly params?: Params
  readonly fns?: readonly Fn[]
  /** Absolute + relative tolerance of device against reference, default 1e-5. */
  readonly tolerance?: number
  /** false: not smooth on these inputs, so no finite differences. */
  readonly smooth?: boolean
}

/** A primitive: one record, complete or not compiling. */
export interface OpRecord {
  readonly name: string
  readonly doc: string
  /** Result types from operand types; throws FoveaError with expected and given. */
  readonly infer: (ins: readonly Aval[], params: Params, fns?: readonly Fn[]) => Aval[]
  /** Reference semantics in f64. */
  readonly eval: (ins: readonly RefArray[], params: Params, outs: readonly Aval[], fns?: readonly Fn[]) => RefArray[]
  /** 'expand': that of what the op expands to. */
  readonly jvp: JvpRule | WholeJvp | 'nondifferentiable' | 'expand'
  /** `refuses`: it has no reverse mode, and this is why. */
  readonly transpose: TransposeRule | 'nonlinear' | { readonly refuses: string }
  readonly batch: BatchRule
  readonly kernel: KernelRule
  readonly samples: readonly Sample[]
}

const registry = new Map<string, OpRecord>()

/** Adds a record to the registry and returns it. */
export function op(record: OpRecord): OpRecord {
  if (registry.has(record.name)) throw new Error(`op '${record.name}' is registered twice`)
  registry.set(record.name, record)
  return record
}

export function opOf(name: string): OpRecord {
  const record = registry.get(name)
  if (!record) throw new Error(`unknown op '${name}'; known: ${[...registry.keys()].join(', ')}`)
  return record
}

export const allOps = (): readonly OpRecord[] => [...registry.values()]
