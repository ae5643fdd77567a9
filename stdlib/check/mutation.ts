import { ts } from 'ts-morph'
import { brief, type Context } from './purity.js'
import { type Fun, isAssignment, isFun, nameOf, rootOf, targets, walk, within } from './syntax.js'
import type { TracedFun } from './traced.js'

const mutators = new Set('push pop shift unshift splice sort reverse fill copyWithin set add delete clear'.split(' '))
const { SyntaxKind: Kind } = ts

type Origin = 'captured' | 'local' | ts.ParameterDeclaration

/** Changes that a traced function makes to what it captured, or to its arguments. */
export function mutationsIn({ fun, how }: TracedFun, all: ReadonlySet<Fun>, { checker, report }: Context): void {
  const name = nameOf(fun)
  const originOf = (id: ts.Identifier, seen = new Set<ts.Node>()): Origin => {
    const symbol = ts.isShorthandPropertyAssignment(id.parent)
      ? checker.getShorthandAssignmentValueSymbol(id.parent)
      : checker.getSymbolAtLocation(id)
    const declaration = symbol?.valueDeclaration
    // Imported, or declared around the function.
    if (!declaration || !within(declaration, fun)) return 'captured'
    if (seen.has(declaration)) return 'local'
    seen.add(declaration)
    const parameter = fun.parameters.find((p) => within(declaration, p))
    if (parameter) return parameter
    // An alias, as in `const layers = p.layers`, or the items of a loop.
    if (!ts.isVariableDeclaration(declaration)) return 'local'
    const loop = declaration.parent.parent
    const from = ts.isForOfStatement(loop) ? loop.expression : declaration.initializer
    const root = from && rootOf(from)
    return root && ts.isIdentifier(root) ? originOf(root, seen) : 'local'
  }
  /** `inside`: what the target holds is changed, not which value it is. */
  const change = (target: ts.Expression, node: ts.Node, what: string, inside = false): void => {
    const root = rootOf(target)
    if (root.kind === Kind.ThisKeyword) {
      report(node, 'no-captured-mutation', `'${name}' ${what} '${brief(target)}', which outlives the call`)
      return
    }
    if (!ts.isIdentifier(root)) return
    const origin = originOf(root)
    // A parameter may be given another value: it is a variable of the function's own.
    const itself = root === target
    if (origin === 'captured')
      report(node, 'no-captured-mutation', `'${name}' ${what} '${brief(target)}', which is declared outside it`)
    else if (typeof origin === 'object' && (inside || !itself) && mustNotChange(root))
      report(node, 'no-argument-mutation', `'${name}' ${what} '${brief(target)}', which belongs to its argument`)
  }
  /** What may be absent, in an argument of a function that tracing doesn't call itself, is where its caller wants something put. */
  const mustNotChange = (root: ts.Identifier): boolean => {
    const declaration = checker.getSymbolAtLocation(root)?.valueDeclaration
    const type = declaration && checker.getTypeAtLocation(declaration)
    const mayBeAbsent = type?.isUnion() && type.types.some((t) => t.flags & ts.TypeFlags.Undefined)
    return how === 'argument' || !mayBeAbsent
  }

  walk(fun, (node) => {
    if (isFun(node) && all.has(node)) return false
    if (ts.isBinaryExpression(node) && isAssignment(node.operatorToken.kind))
      for (const target of targets(node.left)) change(target, node, 'assigns to')
    else if (
      (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) &&
      (node.operator === Kind.PlusPlusToken || node.operator === Kind.MinusMinusToken)
    )
      change(node.operand, node, 'assigns to')
    else if (ts.isDeleteExpression(node)) change(node.expression, node, 'deletes')
    else if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const { expression: owner, name: method } = node.expression
      if (method.text === 'assign' && owner.getText() === 'Object' && node.arguments[0])
        change(node.arguments[0], node, 'assigns into', true)
      else if (mutators.has(method.text) && isMutable(checker, owner))
        change(owner, node, `calls ${method.text}() on`, true)
    }
    return true
  })
}

function isMutable(checker: ts.TypeChecker, node: ts.Expression): boolean {
  const type = checker.getNonNullableType(checker.getTypeAtLocation(node))
  return (
    checker.isArrayType(type) || checker.isTupleType(type) || /^(Weak)?(Map|Set)$|Array$/.test(type.symbol?.name ?? '')
  )
}
