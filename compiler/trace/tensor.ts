import type { Aval, DType, Fn, Params } from '../ir/types.js'
import { size } from '../ir/types.js'
import type { OpRecord } from '../ops/op.js'
import type { NamedSize } from '../types/dim.js'
import type { Shape } from '../types/shape.js'
import { FoveaError } from './error.js'
import type { Printing } from './prints.js'
import { currentScope, type Where, where } from './source.js'

declare const typeOf: unique symbol
/** The value of `x.shape[i]`: the number itself when the type knows it; a named dim keeps its name. */
export type DimValue<D> = D extends number ? D : D extends string ? NamedSize<D> : number

/** Where a concrete array's elements are. Made by the runtime; the compiler only carries it. */
export interface Storage {
  readonly shape: readonly number[]
  readonly dtype: DType
  /** Elements on the host, row-major, as `ArrayOf` their dtype. */
  read(): Promise<TypedArray>
  dispose(): void
  readonly disposed: boolean
}
export type TypedArray = Float32Array | Int32Array | Uint32Array | Int8Array | Uint8Array
/** What elements are read as: f16 and bf16 are widened, bool is 0 or 1. */
export type ArrayOf<D> = D extends 'f32' | 'f16' | 'bf16'
  ? Float32Array
  : D extends 'i32'
    ? Int32Array
    : D extends 'u32'
      ? Uint32Array
      : D extends 'i8'
        ? Int8Array
        : Uint8Array

/**
 * How a tensor came to be. The graph of nodes is the trace: a function's IR is what its results reach.
 * 'input' stands for a function's argument, 'array' for memory that exists, 'op' for a computation not yet run.
 */
export type Node =
  | { readonly kind: 'input'; readonly label: string; readonly id: number }
  | { readonly kind: 'array'; storage: Storage; readonly id: number }
  | {
      readonly kind: 'op'
      readonly op: OpRecord
      readonly inputs: readonly Tensor<any, any>[]
      readonly params: Params
      readonly fns: readonly Fn[]
      readonly outs: Tensor<any, any>[]
      readonly where: Where
      readonly scope: string
      readonly id: number
    }

let nextId = 0
/** How many nodes were made so far: nodes made later have this id or a larger one. */
export const nodeCount = (): number => nextId

/**
 * A typed multi-dimensional array, or the promise of one: inside a traced function it stands for a value to come.
 * `S` is the shape (numbers and names), `D` the dtype.
 */
export class Tensor<out S = Shape, out D = DType> {
  declare readonly [typeOf]: readonly [S, D]
  constructor(
    /** @internal */ public node: Node,
    /** @internal */ readonly aval: Aval,
    /** @internal Which output of `node`. */ readonly index = 0,
  ) {}

  get shape(): { readonly [K in keyof S]: DimValue<S[K]> } {
    return this.aval.shape as never
  }
  get dtype(): D {
    return this.aval.dtype as D
  }
  get ndim(): number {
    return this.aval.shape.length
  }
  get size(): number {
    return size(this.aval.shape)
  }

  /** Reads the elements, row-major; f16 and bf16 as Float32Array, bool as Uint8Array. Outside `jit` a pending graph is compiled and run first. Throws while tracing. */
  data(): Promise<ArrayOf<D>> {
    return runtimeHooks().read(this) as never
  }
  /** The single element of a tensor of size 1, as a number (bool: 0 or 1). Throws FoveaError 'shape' for other sizes. */
  item(): Promise<number> {
    if (this.size !== 1)
      throw new FoveaError(
        'shape',
        `item: expected a tensor of one element, got shape [${this.aval.shape.join(', ')}]`,
        where()(),
      )
    // Not async: inside a trace nobody awaits what would be rejected.
    return this.data().then((data) => data[0])
  }
  /** Frees the memory now. Reading or using the tensor afterwards throws. */
  dispose(): void {
    if (this.node.kind === 'array') this.node.storage.dispose()
  }
  [Symbol.dispose](): void {
    this.dispose()
  }
  [Symbol.toPrimitive](): never {
    throw new FoveaError(
      'trace',
      `a tensor's value can't be used in JavaScript arithmetic, comparisons or strings: use add, mul, where, …, or read it with 'await x.data()' outside the traced function`,
      where()(),
    )
  }
  toString(): string {
    return `Tensor ${this.aval.dtype}[${this.aval.shape.join(', ')}]`
  }
}

/** What a runtime gives the language: reading and printing values. Set once by the runtime when it is imported. */
export interface RuntimeHooks {
  read(x: Tensor<any, any>): Promise<TypedArray>
  print(printing: Printing): void
}
let hooks: RuntimeHooks | undefined
export const setRuntimeHooks = (h: RuntimeHooks): void => {
  hooks = h
}
export function runtimeHooks(): RuntimeHooks {
  if (!hooks) throw new FoveaError('trace', `no runtime is loaded: import { jit, tensor } from 'fovea'`)
  return hooks
}

/** A placeholder for an argument of a function being traced. */
export const inputTensor = (aval: Aval, label: string): Tensor<any, any> =>
  new Tensor({ kind: 'input', label, id: nextId++ }, aval)

/** A tensor over memory that exists. */
export const arrayTensor = (storage: Storage): Tensor<any, any> =>
  new Tensor({ kind: 'array', storage, id: nextId++ }, { shape: storage.shape, dtype: storage.dtype })

/** Applies a primitive: infers the result types and adds a node to the graph. Errors name the user's line. */
export function bind(
  op: OpRecord,
  inputs: readonly Tensor<any, any>[],
  params: Params = {},
  fns: readonly Fn[] = [],
): Tensor<any, any>[] {
  const at = where()
  let avals: Aval[]
  try {
    for (const x of inputs)
      if (!(x instanceof Tensor))
        throw new FoveaError('trace', `${op.name}: expected a tensor, got ${x === null ? 'null' : typeof x}`)
    avals = op.infer(
      inputs.map((x) => x.aval),
      params,
      fns,
    )
  } catch (err) {
    if (err instanceof FoveaError && !err.loc) throw new FoveaError(err.code, err.message, at(), { cause: err })
    throw err
  }
  const outs: Tensor<any, any>[] = []
  const node: Node = { kind: 'op', op, inputs, params, fns, outs, where: at, scope: currentScope(), id: nextId++ }
  avals.forEach((aval, i) => {
    outs.push(new Tensor(node, aval, i))
  })
  return outs
}

/** `bind` for ops with one result. */
export const bind1 = (op: OpRecord, inputs: readonly Tensor<any, any>[], params: Params = {}): Tensor<any, any> =>
  bind(op, inputs, params)[0]
