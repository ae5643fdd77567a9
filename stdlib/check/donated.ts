import { ts } from 'ts-morph'
import { brief, type Context } from './purity.js'
import { bare, isAssignment, isFun, targets, walk, within } from './syntax.js'

/** Uses of an argument after a call that its memory was donated to. */
export function donatedUse(file: ts.SourceFile, { checker, transform, report }: Context): void {
  const donating = new Map<ts.Symbol, readonly number[]>()
  walk(file, (node) => {
    if (ts.isVariableDeclaration(node) && node.initializer) {
      const made = bare(node.initializer)
      const positions = ts.isCallExpression(made) && transform(made) === 'jit' ? donatedBy(made) : []
      const symbol = checker.getSymbolAtLocation(node.name)
      if (positions.length && symbol) donating.set(symbol, positions)
    }
    return true
  })
  if (!donating.size) return
  walk(file, (node) => {
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
      const symbol = checker.getSymbolAtLocation(node.expression)
      for (const i of (symbol && donating.get(symbol)) ?? []) {
        const argument = node.arguments[i]
        if (argument && ts.isIdentifier(argument)) afterwards(node, argument)
      }
    }
    return true
  })

  function afterwards(call: ts.CallExpression, argument: ts.Identifier): void {
    const symbol = checker.getSymbolAtLocation(argument)
    const scope = functionAround(call)
    const statement = statementAround(call)
    const uses: ts.Identifier[] = []
    walk(scope, (node) => {
      if (ts.isIdentifier(node) && node.text === argument.text && checker.getSymbolAtLocation(node) === symbol)
        uses.push(node)
      return true
    })
    const isGiven = (use: ts.Identifier): boolean => uses.some((other) => other === use) && isWritten(use)
    // `p = await step(p)`: the name stands for the result now.
    if (uses.some((use) => within(use, statement) && isGiven(use)) || ends(statement)) return
    const later = uses.find((use) => use.pos > statement.end && !apart(call, use))
    if (later && !isGiven(later)) {
      const { line } = call.getSourceFile().getLineAndCharacterOfPosition(call.getStart())
      report(
        later,
        'no-donated-use',
        `'${argument.text}' was donated to '${brief(call.expression)}' on line ${line + 1}`,
      )
    } else if (!later) {
      const loop = loopAround(call, scope)
      const declaration = symbol?.valueDeclaration
      if (loop && declaration && !within(declaration, loop) && !uses.some((use) => within(use, loop) && isGiven(use)))
        report(argument, 'no-donated-use', `'${argument.text}' is donated again in the next round of the loop`)
    }
  }
}

function donatedBy(call: ts.CallExpression): number[] {
  const options = call.arguments[1]
  if (!options || !ts.isObjectLiteralExpression(options)) return []
  const donate = options.properties.find((p) => ts.isPropertyAssignment(p) && p.name.getText() === 'donate')
  if (!donate || !ts.isPropertyAssignment(donate) || !ts.isArrayLiteralExpression(donate.initializer)) return []
  return donate.initializer.elements.flatMap((x) => (ts.isNumericLiteral(x) ? [Number(x.text)] : []))
}

/** The function, or file, whose statements run one after another. */
function functionAround(node: ts.Node): ts.Node {
  let at = node.parent
  while (at.parent && !isFun(at) && !ts.isSourceFile(at)) at = at.parent
  return at
}
function statementAround(node: ts.Node): ts.Node {
  let at = node
  while (!ts.isStatement(at) && at.parent) at = at.parent
  return at
}
function loopAround(node: ts.Node, scope: ts.Node): ts.Node | undefined {
  for (let at = node.parent; at && at !== scope; at = at.parent) if (ts.isIterationStatement(at, false)) return at
  return undefined
}
const ends = (statement: ts.Node): boolean => ts.isReturnStatement(statement) || ts.isThrowStatement(statement)

/** Whether a name stands where it is given a value. */
function isWritten(use: ts.Identifier): boolean {
  for (let at: ts.Node = use; at && !ts.isStatement(at); at = at.parent) {
    if (ts.isVariableDeclaration(at)) return within(use, at.name)
    if (ts.isBinaryExpression(at) && isAssignment(at.operatorToken.kind)) return targets(at.left).includes(use)
  }
  return false
}

/** Two places of which only one runs: the branches of an `if`. */
function apart(a: ts.Node, b: ts.Node): boolean {
  for (let at = a.parent; at; at = at.parent)
    if (ts.isIfStatement(at) && at.elseStatement && within(a, at.thenStatement) && within(b, at.elseStatement))
      return true
  return false
}
