import { ts } from 'ts-morph'

/** What a type says about tensors. */
export interface Tensors {
  /** A tensor, and nothing else: not `Tensor | null`, which may be tested for presence. */
  is(node: ts.Node): boolean
  /** A pytree that may hold tensors. */
  in(type: ts.Type): boolean
  /** Fields of a pytree that are not tensors themselves; none for tensors and what isn't plain. */
  fields(type: ts.Type): readonly ts.Symbol[]
}

/** Pytrees are looked into so far. */
const deepest = 5

export function tensorTypes(checker: ts.TypeChecker): Tensors {
  const isTensor = (type: ts.Type): boolean => {
    if (type.isUnion()) return type.types.length > 0 && type.types.every(isTensor)
    if (type.isIntersection()) return type.types.some(isTensor)
    if (type.flags & ts.TypeFlags.TypeParameter) {
      const bound = type.getConstraint()
      return bound !== undefined && isTensor(bound)
    }
    return type.symbol?.name === 'Tensor' && type.getProperty('ndim') !== undefined
  }
  const isPlain = (type: ts.Type): boolean =>
    (type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) !== 0 &&
    !type.getCallSignatures().length &&
    !type.isClass() &&
    !isTensor(type)
  const elements = (type: ts.Type): readonly ts.Type[] | undefined =>
    checker.isArrayType(type) || checker.isTupleType(type)
      ? checker.getTypeArguments(type as ts.TypeReference)
      : undefined
  const known = new Map<ts.Type, boolean>()
  const holds = (type: ts.Type, depth: number): boolean => {
    const before = known.get(type)
    if (before !== undefined) return before
    if (isTensor(type)) return true
    if (depth > deepest) return false
    // What is being asked about, by a type that holds itself, holds nothing more.
    known.set(type, false)
    const below = type.isUnion() ? type.types : elements(type)
    const result = below
      ? below.some((t) => holds(t, depth + 1))
      : isPlain(type) && checker.getPropertiesOfType(type).some((p) => holds(checker.getTypeOfSymbol(p), depth + 1))
    known.set(type, result)
    return result
  }
  return {
    is: (node) => isTensor(checker.getTypeAtLocation(node)),
    in: (type) => holds(type, 0),
    fields: (type) => {
      const rest = type.isUnion() ? type.types : [type]
      return rest.flatMap((t) => (elements(t) || !isPlain(t) ? [] : checker.getPropertiesOfType(t)))
    },
  }
}
