import { ts } from 'ts-morph'
import { type Context, isOwn } from './purity.js'
import { bare } from './syntax.js'

/** What a traced function uses of the world outside: chance, the clock, files and the network. */

const random = new Set(['Math.random', 'crypto.getRandomValues', 'crypto.randomUUID'])
const clock = new Set(['Date.now', 'performance.now', 'performance.timeOrigin', 'process.hrtime', 'process.uptime'])
const globals = new Set([
  'fetch',
  'XMLHttpRequest',
  'WebSocket',
  'localStorage',
  'sessionStorage',
  'document',
  'window',
  'alert',
  'process',
  'require',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
])
const modules =
  /^(?:node:)?(?:fs|fs\/promises|http|https|http2|net|dgram|dns|child_process|worker_threads|cluster|readline|os|process|tls|timers|timers\/promises|perf_hooks)$/

export function outsideUse(node: ts.Node, name: string, { checker, report }: Context): void {
  if (ts.isNewExpression(node)) {
    const callee = bare(node.expression)
    if (ts.isIdentifier(callee) && callee.text === 'Date' && !node.arguments?.length && !isOwn(checker, callee))
      report(node, 'no-clock', `'new Date()' is read once, while '${name}' is traced`)
  }
  if (!ts.isIdentifier(node) || isName(node)) return
  const { parent } = node
  const path =
    ts.isPropertyAccessExpression(parent) && parent.expression === node ? `${node.text}.${parent.name.text}` : node.text
  if (random.has(path)) {
    if (!isOwn(checker, node)) report(node, 'no-random', `'${path}' is drawn once, while '${name}' is traced`)
  } else if (clock.has(path)) {
    if (!isOwn(checker, node)) report(node, 'no-clock', `'${path}' is read once, while '${name}' is traced`)
  } else if (globals.has(node.text)) {
    if (!isOwn(checker, node) && !ts.isTypeOfExpression(parent))
      report(node, 'no-io', `'${path}' is used once, while '${name}' is traced`)
  } else {
    const from = importedFrom(checker, node)
    if (from && modules.test(from))
      report(node, 'no-io', `'${node.text}' of '${from}' is used once, while '${name}' is traced`)
  }
}

/** A name of a property, and not a variable. */
const isName = (node: ts.Identifier): boolean => {
  const { parent } = node
  return (
    (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
    (ts.isPropertyAssignment(parent) && parent.name === node) ||
    (ts.isBindingElement(parent) && parent.propertyName === node) ||
    (ts.isMethodDeclaration(parent) && parent.name === node)
  )
}

function importedFrom(checker: ts.TypeChecker, node: ts.Identifier): string | undefined {
  let at: ts.Node | undefined = checker.getSymbolAtLocation(node)?.declarations?.[0]
  if (!at || !(ts.isImportSpecifier(at) || ts.isImportClause(at) || ts.isNamespaceImport(at))) return undefined
  while (!ts.isImportDeclaration(at)) at = at.parent
  return ts.isStringLiteral(at.moduleSpecifier) ? at.moduleSpecifier.text : undefined
}
