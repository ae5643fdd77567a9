import { ts } from 'ts-morph'
import { mutationsIn } from './mutation.js'
import { outsideUse } from './outside.js'
import type { RuleId } from './rules.js'
import { bare, type Fun, isAssignment, isFun, nameOf, walk } from './syntax.js'
import { declarationOf, type TracedFun, type TransformOf } from './traced.js'
import type { Tensors } from './types.js'

export type Report = (node: ts.Node, rule: RuleId, message: string) => void

export interface Context {
  readonly checker: ts.TypeChecker
  readonly tensors: Tensors
  readonly transform: TransformOf
  readonly report: Report
}

const { SyntaxKind: Kind } = ts
const isIdentity = (kind: ts.SyntaxKind): boolean =>
  kind === Kind.EqualsEqualsToken ||
  kind === Kind.EqualsEqualsEqualsToken ||
  kind === Kind.ExclamationEqualsToken ||
  kind === Kind.ExclamationEqualsEqualsToken
const arithmetic = new Set([
  Kind.PlusToken,
  Kind.MinusToken,
  Kind.AsteriskToken,
  Kind.AsteriskAsteriskToken,
  Kind.SlashToken,
  Kind.PercentToken,
  Kind.LessThanToken,
  Kind.GreaterThanToken,
  Kind.LessThanEqualsToken,
  Kind.GreaterThanEqualsToken,
  Kind.AmpersandToken,
  Kind.BarToken,
  Kind.CaretToken,
  Kind.LessThanLessThanToken,
  Kind.GreaterThanGreaterThanToken,
  Kind.GreaterThanGreaterThanGreaterThanToken,
])
const logical = new Set([Kind.AmpersandAmpersandToken, Kind.BarBarToken])
const toPrimitives = new Set(['Number', 'String', 'Boolean', 'BigInt', 'parseFloat', 'parseInt', 'isNaN', 'isFinite'])

/** Literals and sizes are numbers: their types needn't be asked for. */
const isPlainNumber = (node: ts.Expression): boolean => {
  const x = bare(node)
  return (
    ts.isNumericLiteral(x) ||
    ts.isStringLiteralLike(x) ||
    (ts.isPropertyAccessExpression(x) && ['length', 'size', 'ndim', 'dtype'].includes(x.name.text)) ||
    (ts.isElementAccessExpression(x) &&
      ts.isPropertyAccessExpression(x.expression) &&
      x.expression.name.text === 'shape')
  )
}

/** What a traced function does that a program can't. Functions inside it are part of it, but for those given to transforms. */
export function purityOf(traced: TracedFun, all: ReadonlySet<Fun>, context: Context): void {
  const { fun } = traced
  const { checker, tensors, transform, report } = context
  const name = nameOf(fun)
  const isTensor = (node: ts.Expression): boolean => !isPlainNumber(node) && tensors.is(node)
  const condition = (node: ts.Expression): void => {
    const x = bare(node)
    // '!', '&&' and '||' are looked at where they stand.
    if (ts.isPrefixUnaryExpression(x) && x.operator === Kind.ExclamationToken) return
    if (ts.isBinaryExpression(x) && logical.has(x.operatorToken.kind)) return
    if (isTensor(x)) report(x, 'no-tensor-condition', `'${brief(x)}' is a tensor, which is always true`)
  }
  const arithmeticOn = (node: ts.Expression, sign: string): boolean => {
    if (!isTensor(node)) return false
    report(node, 'no-tensor-arithmetic', `'${brief(node)}' is a tensor, and '${sign}' is JavaScript's`)
    return true
  }
  const identity = ({ left, right, operatorToken }: ts.BinaryExpression): void => {
    const other = isTensor(left) ? right : isTensor(right) ? left : undefined
    if (!other || isNullish(checker.getTypeAtLocation(other))) return
    report(left.parent, 'no-tensor-condition', `'${operatorToken.getText()}' asks whether tensors are the same object`)
  }
  const call = (node: ts.CallExpression): void => {
    const callee = bare(node.expression)
    if (
      ts.isPropertyAccessExpression(callee) &&
      ['data', 'item'].includes(callee.name.text) &&
      isTensor(callee.expression)
    )
      report(node, 'no-value-read', `'${name}' reads the value of '${brief(callee.expression)}' while it is traced`)
    const root = ts.isPropertyAccessExpression(callee) ? callee.expression : callee
    if (!ts.isIdentifier(root)) return
    if (
      root.text === 'console' &&
      node.arguments.some((x) => !isPlainNumber(x) && tensors.in(checker.getTypeAtLocation(x)))
    )
      report(node, 'no-console', `'${brief(callee)}' shows a tensor without its value, once, while '${name}' is traced`)
    if ((callee === root ? toPrimitives.has(root.text) : root.text === 'Math') && !isOwn(checker, root))
      node.arguments.some((x) => arithmeticOn(x, brief(callee)))
    const declaration = callee === root ? declarationOf(checker, root) : undefined
    const made = declaration && ts.isVariableDeclaration(declaration) && declaration.initializer
    const value = made && bare(made)
    if (value && ts.isCallExpression(value) && transform(value) === 'jit')
      report(node, 'no-jitted-call', `'${name}' is traced, and calls '${root.text}', which is jitted`)
  }

  if (fun.modifiers?.some((m) => m.kind === Kind.AsyncKeyword))
    report(fun, 'no-async', `'${name}' is traced, and async`)
  if (fun.asteriskToken) report(fun, 'no-async', `'${name}' is traced, and a generator`)
  mutationsIn(traced, all, context)
  walk(fun, (node) => {
    if (isFun(node) && all.has(node)) return false
    if (ts.isTypeNode(node)) return false
    if (ts.isIfStatement(node) || ts.isWhileStatement(node) || ts.isDoStatement(node) || ts.isSwitchStatement(node))
      condition(node.expression)
    else if (ts.isConditionalExpression(node)) condition(node.condition)
    else if (ts.isForStatement(node) && node.condition) condition(node.condition)
    else if (ts.isAwaitExpression(node)) report(node, 'no-async', `'${name}' is traced, and awaits`)
    else if (isFun(node) && node.modifiers?.some((m) => m.kind === Kind.AsyncKeyword))
      report(node, 'no-async', `'${name}' is traced, and has an async function in it`)
    else if (ts.isTemplateSpan(node)) arithmeticOn(node.expression, 'text')
    else if (ts.isCallExpression(node)) call(node)
    else if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) {
      if (node.operator === Kind.ExclamationToken) condition(node.operand)
      else arithmeticOn(node.operand, ts.tokenToString(node.operator)!)
    } else if (ts.isBinaryExpression(node)) {
      const { kind } = node.operatorToken
      const sign = node.operatorToken.getText()
      if (logical.has(kind)) {
        condition(node.left)
        if (!isCondition(node)) return true
        condition(node.right)
      } else if (isIdentity(kind)) identity(node)
      else if (arithmetic.has(kind) || (isAssignment(kind) && /^(?!\?\?|&&|\|\||=)/.test(sign)))
        arithmeticOn(node.left, sign) || arithmeticOn(node.right, sign)
    }
    outsideUse(node, name, context)
    return true
  })
}

/** Whether a value of an expression is only asked for its truth. */
function isCondition(node: ts.Expression): boolean {
  const { parent } = node
  if (ts.isParenthesizedExpression(parent)) return isCondition(parent)
  if (ts.isPrefixUnaryExpression(parent)) return parent.operator === Kind.ExclamationToken
  if (ts.isBinaryExpression(parent)) return logical.has(parent.operatorToken.kind) && isCondition(parent)
  return (
    ((ts.isIfStatement(parent) || ts.isWhileStatement(parent) || ts.isDoStatement(parent)) &&
      parent.expression === node) ||
    ((ts.isConditionalExpression(parent) || ts.isForStatement(parent)) && parent.condition === node)
  )
}

const isNullish = (type: ts.Type): boolean => (type.flags & (ts.TypeFlags.Null | ts.TypeFlags.Undefined)) !== 0

/** A name that some file declares itself is not the global one. */
export const isOwn = (checker: ts.TypeChecker, name: ts.Identifier): boolean => {
  const declaration = checker.getSymbolAtLocation(name)?.declarations?.[0]
  return declaration !== undefined && !declaration.getSourceFile().hasNoDefaultLib && !isAmbient(declaration)
}
const isAmbient = (declaration: ts.Declaration): boolean =>
  /\/lib\.[\w.]+\.d\.ts$/.test(declaration.getSourceFile().fileName)

/** Code in a message: one line, not too long. */
export const brief = (node: ts.Node): string => {
  const text = node.getText().replaceAll(/\s+/g, ' ')
  return text.length > 40 ? `${text.slice(0, 39)}…` : text
}
