import { ts } from 'ts-morph'
import type { Context } from './purity.js'
import { type Fun, nameOf, walk } from './syntax.js'
import { declarationOf, type TracedFun } from './traced.js'

/** Arguments that hold tensors and are never read. A name that begins with '_' is unused on purpose. */
export function unusedParameters({ fun }: TracedFun, { checker, tensors, report }: Context): void {
  const names = new Map<ts.Symbol, ts.Identifier>()
  const add = (name: ts.BindingName): void => {
    if (!ts.isIdentifier(name)) {
      for (const element of name.elements) if (ts.isBindingElement(element)) add(element.name)
    } else if (!name.text.startsWith('_')) {
      const symbol = checker.getSymbolAtLocation(name)
      if (symbol) names.set(symbol, name)
    }
  }
  for (const parameter of fun.parameters) add(parameter.name)
  const texts = new Set([...names.values()].map(({ text }) => text))
  walk(fun, (node) => {
    if (!ts.isIdentifier(node) || !texts.has(node.text)) return true
    const symbol = ts.isShorthandPropertyAssignment(node.parent)
      ? checker.getShorthandAssignmentValueSymbol(node.parent)
      : checker.getSymbolAtLocation(node)
    if (symbol && names.get(symbol) !== node) names.delete(symbol)
    return true
  })
  for (const name of names.values())
    if (tensors.in(checker.getTypeAtLocation(name)))
      report(name, 'unused-parameter', `the parameter '${name.text}' of '${nameOf(fun)}' is never used`)
}

/**
 * Fields of parameters' types that no traced function reads, while it reads others of the same type. Copies (`{ ...p }`,
 * `treeMap`, an optimiser) are no reads; what a function of known fields is given is read by it.
 */
export function unusedFields(traced: readonly TracedFun[], given: ReadonlySet<ts.SourceFile>, context: Context): void {
  const { checker, report } = context
  const fields = fieldsOf(traced, given, context)
  const names = new Set([...fields.keys()].flatMap((field) => nameText(field) ?? []))
  const read = new Set<ts.Declaration>()
  const readSymbol = (symbol: ts.Symbol | undefined): void => {
    for (const declaration of symbol?.declarations ?? []) read.add(declaration)
  }
  const readAll = (type: ts.Type): void => {
    for (const field of context.tensors.fields(type)) readSymbol(field)
  }
  for (const { fun } of traced) {
    for (const parameter of fun.parameters) if (!ts.isIdentifier(parameter.name)) walkBinding(parameter.name)
    walk(fun, (node) => {
      if (ts.isPropertyAccessExpression(node) && names.has(node.name.text))
        readSymbol(checker.getSymbolAtLocation(node.name))
      else if (ts.isElementAccessExpression(node)) readElement(node)
      else if (ts.isVariableDeclaration(node) && !ts.isIdentifier(node.name)) walkBinding(node.name)
      else if (ts.isParameter(node) && !ts.isIdentifier(node.name)) walkBinding(node.name)
      else if (ts.isCallExpression(node)) readArguments(node)
      else if (ts.isForInStatement(node)) readAll(checker.getTypeAtLocation(node.expression))
      return true
    })
  }
  function walkBinding(pattern: ts.BindingPattern): void {
    // Types of results are long to work out: only where a field may be meant.
    if (!namesIn(pattern).some((name) => names.has(name))) return
    const type = checker.getTypeAtLocation(pattern)
    for (const element of pattern.elements) {
      if (!ts.isBindingElement(element)) continue
      const name = element.propertyName ?? element.name
      if (ts.isObjectBindingPattern(pattern) && ts.isIdentifier(name)) readSymbol(type.getProperty(name.text))
      if (!ts.isIdentifier(element.name)) walkBinding(element.name)
    }
  }
  function readElement({ expression, argumentExpression: key }: ts.ElementAccessExpression): void {
    if (ts.isNumericLiteral(key)) return
    if (!ts.isStringLiteralLike(key)) readAll(checker.getTypeAtLocation(expression))
    else if (names.has(key.text)) readSymbol(checker.getTypeAtLocation(expression).getProperty(key.text))
  }
  function readArguments(call: ts.CallExpression): void {
    if (/^Object\.(keys|values|entries)$/.test(call.expression.getText()))
      for (const argument of call.arguments) readAll(checker.getTypeAtLocation(argument))
    const declaration = declarationOf(checker, calleeName(call))
    const callee = declaration && parametersOf(checker, declaration)
    call.arguments.forEach((argument, i) => {
      const expected = callee?.[i]
      if (expected && context.tensors.in(expected)) readLike(expected, argument)
    })
  }
  function readLike(expected: ts.Type, argument: ts.Expression): void {
    const wanted = context.tensors.fields(expected)
    if (!wanted.length) return
    const type = checker.getTypeAtLocation(argument)
    // The same type: whoever is called reads it where it does.
    for (const field of wanted) {
      const own = type.getProperty(field.name)
      if (own && own.declarations?.[0] !== field.declarations?.[0]) readSymbol(own)
      else if (own && !given.has(own.declarations![0].getSourceFile())) readSymbol(own)
    }
  }
  const touched = new Set([...fields.keys()].filter((field) => read.has(field)).map((field) => field.parent))
  for (const [field, type] of fields)
    if (!read.has(field) && touched.has(field.parent))
      report(
        ts.getNameOfDeclaration(field) ?? field,
        'unused-field',
        `the parameter '${nameText(field)}'${type ? ` of '${type}'` : ''} is never used: no traced function reads it`,
      )
}

/** What an object's pattern takes, to any depth. */
const namesIn = (pattern: ts.BindingPattern): string[] =>
  pattern.elements.flatMap((element) => {
    if (!ts.isBindingElement(element)) return []
    const own = ts.isObjectBindingPattern(pattern) ? [(element.propertyName ?? element.name).getText()] : []
    return ts.isIdentifier(element.name) ? own : [...own, ...namesIn(element.name)]
  })

const nameText = (field: ts.Declaration): string | undefined => ts.getNameOfDeclaration(field)?.getText()

/** Fields that hold tensors, of the types of traced functions' parameters, to any depth, as far as they are declared in given files. */
function fieldsOf(
  traced: readonly TracedFun[],
  given: ReadonlySet<ts.SourceFile>,
  { checker, tensors }: Context,
): Map<ts.Declaration, string | undefined> {
  const found = new Map<ts.Declaration, string | undefined>()
  const seen = new Set<ts.Type>()
  const add = (type: ts.Type): void => {
    if (seen.has(type) || !tensors.in(type)) return
    seen.add(type)
    if (type.isUnion()) for (const part of type.types) add(part)
    if (checker.isArrayType(type) || checker.isTupleType(type))
      for (const item of checker.getTypeArguments(type as ts.TypeReference)) add(item)
    for (const field of tensors.fields(type)) {
      const fieldType = checker.getTypeOfSymbol(field)
      if (!tensors.in(fieldType)) continue
      for (const declaration of field.declarations ?? [])
        if (given.has(declaration.getSourceFile())) found.set(declaration, typeName(declaration))
      add(fieldType)
    }
  }
  for (const { fun } of traced) for (const p of fun.parameters) add(checker.getTypeAtLocation(p))
  return found
}

function typeName({ parent }: ts.Node): string | undefined {
  if (ts.isInterfaceDeclaration(parent)) return parent.name.text
  return ts.isTypeLiteralNode(parent) && ts.isTypeAliasDeclaration(parent.parent) ? parent.parent.name.text : undefined
}

const calleeName = (call: ts.CallExpression): ts.Node =>
  ts.isPropertyAccessExpression(call.expression) ? call.expression.name : call.expression

/** Declared types of a function's parameters, where they are written down; a type parameter says nothing about fields. */
function parametersOf(
  checker: ts.TypeChecker,
  declaration: ts.Declaration,
): readonly (ts.Type | undefined)[] | undefined {
  const value = ts.isVariableDeclaration(declaration) ? declaration.initializer : declaration
  const fun = value && ts.isCallExpression(value) ? value.arguments[0] : value
  return fun && ts.isFunctionLike(fun)
    ? (fun as Fun).parameters.map((p) => (p.type ? checker.getTypeAtLocation(p.type) : undefined))
    : undefined
}
