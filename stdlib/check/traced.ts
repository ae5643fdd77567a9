import { ts } from 'ts-morph'
import type { Sources } from './project.js'
import { bare, type Fun, isFun, walk } from './syntax.js'
import type { Tensors } from './types.js'

/** Functions of `fovea` that trace the functions they are given. */
const transforms = new Set(
  'jit grad valueAndGrad vjp jvp linearize jacfwd jacrev hessian vmap customJvp customVjp scan cond whileLoop foriLoop switch switchCase map associativeScan remat checkpoint composite poly show evalShape checkGrads checkJit'.split(
    ' ',
  ),
)

/** Which of these a call's function is, if it is one. */
export type TransformOf = (call: ts.CallExpression) => string | undefined

export interface TracedFun {
  readonly fun: Fun
  /** Given to a transform; a function of tensors that is exported; or called by one of these. */
  readonly how: 'argument' | 'exported' | 'called'
}

/** Names declared by `fovea`, wherever they were imported from. */
export function transformsIn(checker: ts.TypeChecker): TransformOf {
  const known = new Map<ts.Symbol, string | undefined>()
  const renamed = new Map<ts.SourceFile, ReadonlySet<string>>()
  /** Most calls are told by their name, without asking what it stands for. */
  const mayBe = ({ text }: ts.MemberName, file: ts.SourceFile): boolean => {
    if (transforms.has(text)) return true
    let names = renamed.get(file)
    if (!names) renamed.set(file, (names = renamedIn(file)))
    return names.has(text)
  }
  return (call) => {
    const callee = bare(call.expression)
    const name = ts.isIdentifier(callee) ? callee : ts.isPropertyAccessExpression(callee) ? callee.name : undefined
    if (!name || !mayBe(name, call.getSourceFile())) return undefined
    const symbol = checker.getSymbolAtLocation(name)
    if (!symbol) return undefined
    if (!known.has(symbol)) known.set(symbol, transformOf(checker, symbol))
    return known.get(symbol)
  }
}

/** Names that imports of a file give to others: `jit as compile`. */
const renamedIn = (file: ts.SourceFile): ReadonlySet<string> =>
  new Set(
    file.statements.flatMap((statement) => {
      const bindings = ts.isImportDeclaration(statement) ? statement.importClause?.namedBindings : undefined
      return bindings && ts.isNamedImports(bindings)
        ? bindings.elements.flatMap(({ propertyName, name }) => (propertyName ? [name.text] : []))
        : []
    }),
  )

function transformOf(checker: ts.TypeChecker, symbol: ts.Symbol): string | undefined {
  const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0
  const target = isAlias ? checker.getAliasedSymbol(symbol) : symbol
  const [declaration] = target.declarations ?? []
  if (declaration)
    return transforms.has(target.name) && isOfFovea(declaration.getSourceFile().fileName) ? target.name : undefined
  // The package isn't installed, or not built: what an import says is all there is.
  const [specifier] = symbol.declarations ?? []
  if (!specifier || !ts.isImportSpecifier(specifier)) return undefined
  const from = specifier.parent.parent.parent.moduleSpecifier
  const imported = (specifier.propertyName ?? specifier.name).text
  return ts.isStringLiteral(from) && /^fovea(\/|$)/.test(from.text) && transforms.has(imported) ? imported : undefined
}

/** The package as it is installed, or its own sources, beside this file. */
const here = new URL('../../', import.meta.url).pathname
const isOfFovea = (file: string): boolean =>
  /\/node_modules\/fovea\//.test(file) || /^(compiler|runtime|stdlib\/testing)\//.test(file.replace(here, ''))

/** The function a value stands for: itself, or what a name is declared as, also through `poly(…)`. */
export function functionOf(checker: ts.TypeChecker, node: ts.Expression, transform: TransformOf): Fun | undefined {
  const value = bare(node)
  if (isFun(value)) return value
  if (ts.isCallExpression(value)) {
    const wraps = ['poly', 'customJvp', 'customVjp', 'remat', 'checkpoint'].includes(transform(value) ?? '')
    return wraps && value.arguments[0] ? functionOf(checker, value.arguments[0], transform) : undefined
  }
  const name = ts.isIdentifier(value) ? value : ts.isPropertyAccessExpression(value) ? value.name : undefined
  const declaration = name && declarationOf(checker, name)
  if (!declaration) return undefined
  if (isFun(declaration)) return declaration
  const isValue = ts.isVariableDeclaration(declaration) || ts.isPropertyAssignment(declaration)
  const initializer = isValue ? declaration.initializer : undefined
  return initializer && !(ts.isIdentifier(initializer) && initializer.text === name.text)
    ? functionOf(checker, initializer, transform)
    : undefined
}

export function declarationOf(checker: ts.TypeChecker, name: ts.Node): ts.Declaration | undefined {
  const symbol = checker.getSymbolAtLocation(name)
  if (!symbol) return undefined
  const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0
  return (isAlias ? checker.getAliasedSymbol(symbol) : symbol).valueDeclaration
}

/** Functions that are traced, of the given files: each once, those given to transforms first. */
export function tracedIn({ checker, files, given }: Sources, tensors: Tensors, transform: TransformOf): TracedFun[] {
  const found = new Map<Fun, TracedFun>()
  const add = (fun: Fun | undefined, how: TracedFun['how']): void => {
    if (fun?.body && given.has(fun.getSourceFile()) && !found.has(fun)) found.set(fun, { fun, how })
  }
  for (const file of files)
    walk(file, (node) => {
      if (ts.isCallExpression(node) && transform(node))
        for (const argument of node.arguments) add(functionOf(checker, argument, transform), 'argument')
      return true
    })
  const isOfTensors = (fun: Fun): boolean =>
    !fun.modifiers?.some((m) => m.kind === ts.SyntaxKind.AsyncKeyword) &&
    !fun.asteriskToken &&
    fun.parameters.some((p) => p.type && tensors.in(checker.getTypeAtLocation(p))) &&
    tensors.in(returned(checker, fun))
  for (const file of files)
    for (const fun of exported(file)) if (!found.has(fun) && isOfTensors(fun)) add(fun, 'exported')
  // What these call, and so on. A function declared inside a traced one is read with it.
  for (const { fun } of found.values())
    walk(fun, (node) => {
      if (ts.isCallExpression(node)) {
        const callee = functionOf(checker, node.expression, transform)
        if (callee && !inside(callee, found)) add(callee, 'called')
      }
      return true
    })
  return [...found.values()]
}

const inside = (fun: Fun, found: ReadonlyMap<Fun, TracedFun>): boolean => {
  for (let node: ts.Node = fun; node; node = node.parent) if (isFun(node) && found.has(node)) return true
  return false
}

function returned(checker: ts.TypeChecker, fun: Fun): ts.Type {
  const signature = checker.getSignatureFromDeclaration(fun)!
  return checker.getReturnTypeOfSignature(signature)
}

function exported(file: ts.SourceFile): Fun[] {
  const isExported = (node: ts.Node): boolean =>
    ts.canHaveModifiers(node) && !!ts.getModifiers(node)?.some((m) => m.kind === ts.SyntaxKind.ExportKeyword)
  return file.statements.flatMap((statement) => {
    if (!isExported(statement)) return []
    if (ts.isFunctionDeclaration(statement)) return [statement]
    if (!ts.isVariableStatement(statement)) return []
    return statement.declarationList.declarations.flatMap(({ initializer }) =>
      initializer && isFun(bare(initializer)) ? [bare(initializer) as Fun] : [],
    )
  })
}
