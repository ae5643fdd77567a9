import type { DType, promotion } from '../ir/dtype.js'
import type { IsAny, ShapeError } from './shape.js'

type Table = typeof promotion
type IsUnion<D, U = D> = D extends unknown ? ([U] extends [D] ? false : true) : never
/** A dtype that is `any` or a union is not known before tracing. */
export type DynDType<D> = IsAny<D> extends true ? true : IsUnion<D> extends false ? false : true

/** What two dtypes become when they meet: the entry of the table; any when one is not known, or there is none (an error was given). */
export type Promote<D, E> = true extends DynDType<D> | DynDType<E>
  ? [D, E] extends [E, D]
    ? D
    : any
  : Table[D & DType][E & DType] extends infer R extends DType
    ? R
    : any
/** unknown, or the error of two dtypes without a common one. */
export type Promotes<Op extends string, D, E> = true extends DynDType<D> | DynDType<E>
  ? unknown
  : Table[D & DType][E & DType] extends null
    ? ShapeError<`${Op}: ${D & string} and ${E & string} have no common dtype; cast one of them`>
    : unknown
