import { type Eqn, type Fn, type Json, showAval, type Var } from './types.js'

/**
 * The IR as text, which `parse` reads back. Values are numbered densely in the order they are defined:
 *
 *     fn mlp(%0: f32[8,4], %1: f32[4,3]) {
 *       %2: f32[8,3] = dotGeneral(%0, %1) {lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: []}   @model.ts:12:5 #encoder/proj
 *       return %2
 *     }
 *
 * Functions that an equation runs follow its params in brackets, with values numbered on their own.
 * `places: false` leaves out source locations and scopes.
 */
export const print = (fn: Fn, options: PrintOptions = {}): string => `${printFn(fn, '', options)}\n`

interface PrintOptions {
  readonly places?: boolean
}

function printFn(fn: Fn, indent: string, options: PrintOptions): string {
  const nameOf = numbering(fn)
  const lines = fn.eqns.map((eqn) => `${indent}  ${printEqn(eqn, nameOf, options, `${indent}  `)}\n`)
  const outputs = fn.outputs.map((v) => ` ${nameOf(v)}`).join(',')
  return `fn ${word(fn.name)}(${typed(fn.inputs, nameOf)}) {\n${lines.join('')}${indent}  return${outputs}\n${indent}}`
}

/** Names of an Fn's values: `%0`, `%1`, … in order of definition; `%?id` for a value that nothing defines. */
export function numbering(fn: Fn): (v: Var) => string {
  const numbers = new Map<Var, number>()
  const define = (v: Var): void => {
    if (!numbers.has(v)) numbers.set(v, numbers.size)
  }
  fn.inputs.forEach(define)
  for (const eqn of fn.eqns) eqn.outputs.forEach(define)
  return (v) => (numbers.has(v) ? `%${numbers.get(v)}` : `%?${v.id}`)
}

/** One equation: a line, or several when it runs functions, those after the first with `indent`. */
export function printEqn(eqn: Eqn, nameOf: (v: Var) => string, options: PrintOptions = {}, indent = ''): string {
  const { places = true } = options
  const params = Object.keys(eqn.params).length ? ` ${showJson(eqn.params)}` : ''
  const loc = places && eqn.loc ? `@${bare(eqn.loc.file, /^[^\s"#]+$/)}:${eqn.loc.line}:${eqn.loc.column}` : ''
  const scope = places && eqn.scope ? `#${bare(eqn.scope, /^[^\s"]+$/)}` : ''
  const place = [loc, scope].filter(Boolean).join(' ')
  const args = eqn.inputs.map(nameOf).join(', ')
  const inner = `${indent}  `
  const fns = eqn.fns?.map((fn) => `${inner}${printFn(fn, inner, options)}`).join(',\n')
  const regions = fns ? ` [\n${fns}\n${indent}]` : ''
  return `${typed(eqn.outputs, nameOf)} = ${word(eqn.op)}(${args})${params}${regions}${place && `   ${place}`}`
}

/** A parameter's value: JSON, with bare keys where they are identifiers, and with -0 kept apart from 0. Equal values give equal text. */
export function showJson(value: Json): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(showJson).join(', ')}]`
  const entries = Object.entries(value as { readonly [key: string]: Json })
  return `{${entries.map(([key, v]) => `${word(key)}: ${showJson(v)}`).join(', ')}}`
}

const typed = (vars: readonly Var[], nameOf: (v: Var) => string): string =>
  vars.map((v) => `${nameOf(v)}: ${showAval(v.aval)}`).join(', ')
const bare = (text: string, pattern: RegExp): string => (pattern.test(text) ? text : JSON.stringify(text))
const word = (text: string): string => bare(text, /^[A-Za-z_$][\w$]*$/)
