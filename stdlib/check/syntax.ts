import { ts } from 'ts-morph'

/** Shapes of code that several rules look for. */

export type Fun = ts.FunctionDeclaration | ts.FunctionExpression | ts.ArrowFunction | ts.MethodDeclaration

export const isFun = (node: ts.Node | undefined): node is Fun =>
  node !== undefined &&
  (ts.isFunctionDeclaration(node) ||
    ts.isFunctionExpression(node) ||
    ts.isArrowFunction(node) ||
    ts.isMethodDeclaration(node))

/** An expression without parentheses, casts and '!'. */
export function bare(node: ts.Expression): ts.Expression {
  while (
    ts.isParenthesizedExpression(node) ||
    ts.isAsExpression(node) ||
    ts.isSatisfiesExpression(node) ||
    ts.isNonNullExpression(node)
  )
    node = node.expression
  return node
}

/** What a chain of properties and elements begins with: `p` of `p.layers[0]!.w`. */
export function rootOf(node: ts.Expression): ts.Expression {
  for (;;) {
    node = bare(node)
    if (!ts.isPropertyAccessExpression(node) && !ts.isElementAccessExpression(node)) return node
    node = node.expression
  }
}

/** The name a function goes by. */
export function nameOf(fun: Fun): string {
  if (fun.name) return fun.name.getText()
  const { parent } = fun
  if ((ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) && ts.isIdentifier(parent.name))
    return parent.name.text
  if (ts.isCallExpression(parent) && ts.isVariableDeclaration(parent.parent)) return parent.parent.name.getText()
  return 'a function'
}

export const within = (node: ts.Node, outer: ts.Node): boolean =>
  node.getSourceFile() === outer.getSourceFile() && node.pos >= outer.pos && node.end <= outer.end

/** Calls `visit` with every node below; it says whether to go on below that node. */
export function walk(node: ts.Node, visit: (node: ts.Node) => boolean): void {
  ts.forEachChild(node, (child) => {
    if (visit(child)) walk(child, visit)
  })
}

const { SyntaxKind: Kind } = ts
export const isAssignment = (kind: ts.SyntaxKind): boolean =>
  kind >= Kind.FirstAssignment && kind <= Kind.LastAssignment

/** What is written to by an assignment's left side, also by destructuring. */
export function targets(left: ts.Expression): ts.Expression[] {
  const node = bare(left)
  if (ts.isArrayLiteralExpression(node))
    return node.elements.flatMap((x) => targets(ts.isSpreadElement(x) ? x.expression : x))
  if (ts.isObjectLiteralExpression(node))
    return node.properties.flatMap((x) =>
      ts.isPropertyAssignment(x)
        ? targets(x.initializer)
        : ts.isShorthandPropertyAssignment(x)
          ? [x.name]
          : ts.isSpreadAssignment(x)
            ? targets(x.expression)
            : [],
    )
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === Kind.EqualsToken) return targets(node.left)
  return ts.isOmittedExpression(node) ? [] : [node]
}
