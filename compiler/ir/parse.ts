import { FoveaError } from '../trace/error.js'
import { dtypes } from './dtype.js'
import type { Aval, DType, Eqn, Fn, Json, Loc, Params, Var } from './types.js'

/**
 * Reads what `print` writes. `parse(print(fn))` equals `fn` up to the ids of its values.
 * Throws FoveaError 'parse' with what was expected, what stands there, and its line and column; `file` names the text in errors.
 *
 * @example
 * const fn = parse('fn twice(%0: f32[2]) {\n  %1: f32[2] = add(%0, %0)\n  return %1\n}')
 */
export function parse(text: string, file = 'ir'): Fn {
  const s = scanner(text, file)
  const fn = parseFn(s)
  s.end()
  return fn
}

function parseFn(s: Scanner): Fn {
  const vars = new Map<number, Var>()

  const id = (): number => Number(s.match(/%(\d+)/y, "a value such as '%0'")[1])
  const use = (): Var => {
    const start = s.position()
    const n = id()
    const v = vars.get(n)
    if (!v) throw s.error(`%${n} is not defined above`, start)
    return v
  }
  const define = (): Var => {
    const start = s.position()
    const n = id()
    if (vars.has(n)) throw s.error(`%${n} is defined twice`, start)
    s.expect(':')
    const v = { id: n, aval: aval(s) }
    vars.set(n, v)
    return v
  }
  const equation = (): Eqn => {
    // The results come into being after the operands: an equation that reads its own result is an error.
    const start = s.position()
    s.match(/[^=\n]*/y, 'results')
    s.expect('=')
    const op = s.word('the name of an op')
    s.expect('(')
    const inputs = list(s, ')', use)
    const params = s.sees('{') ? (json(s) as Params) : {}
    const fns = s.skip('[') ? list(s, ']', () => parseFn(s)) : undefined
    const loc = s.sees('@') ? place(s) : undefined
    const scope = s.sees('#') ? s.text(/#(?:("(?:[^"\\]|\\.)*")|(\S+))/y, 'a scope') : ''
    const end = s.position()
    s.moveTo(start)
    const outputs = list(s, '=', define)
    s.moveTo(end)
    return { op, inputs, params, ...(fns && { fns }), outputs, ...(loc && { loc }), scope }
  }

  s.expect('fn')
  const name = s.word("the function's name")
  s.expect('(')
  const inputs = list(s, ')', define)
  s.expect('{')
  const eqns: Eqn[] = []
  while (s.sees('%')) eqns.push(equation())
  s.expect('return')
  const outputs = list(s, '}', use)
  return { name, inputs, eqns, outputs }
}

type Scanner = ReturnType<typeof scanner>

function list<T>(s: Scanner, close: string, item: () => T): T[] {
  const items: T[] = []
  if (!s.sees(close)) {
    do items.push(item())
    while (s.skip(','))
  }
  s.expect(close)
  return items
}

const dtypePattern = new RegExp(`(${dtypes.join('|')})\\b`, 'y')

function aval(s: Scanner): Aval {
  const dtype = s.match(dtypePattern, `a dtype (${dtypes.join(', ')})`)[1] as DType
  s.expect('[')
  return { dtype, shape: list(s, ']', () => Number(s.match(/\d+/y, 'a dimension')[0])) }
}

function place(s: Scanner): Loc {
  const m = s.match(/@(?:("(?:[^"\\]|\\.)*")|([^\s"#]+?)):(\d+):(\d+)(?!\S)/y, "a place such as '@model.ts:12:5'")
  return { file: m[1] ? JSON.parse(m[1]) : m[2], line: Number(m[3]), column: Number(m[4]) }
}

function json(s: Scanner): Json {
  if (s.skip('[')) return list(s, ']', () => json(s))
  if (s.skip('{')) {
    const entry = (): [string, Json] => {
      const key = s.word('a key')
      s.expect(':')
      return [key, json(s)]
    }
    return Object.fromEntries(list(s, '}', entry))
  }
  return JSON.parse(
    s.match(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|(?:true|false|null)\b/y, 'a JSON value')[0],
  )
}

/** A position in a text that moves forward over what it recognises. Blanks before a token do not matter. */
function scanner(text: string, file: string) {
  let at = 0
  const blanks = (): void => {
    const m = /\s*/y
    m.lastIndex = at
    m.exec(text)
    at = m.lastIndex
  }
  const error = (message: string, where = at): FoveaError => {
    const before = text.slice(0, where).split('\n')
    return new FoveaError('parse', message, { file, line: before.length, column: before[before.length - 1].length + 1 })
  }
  const expected = (what: string): FoveaError => {
    const found = text.slice(at).split(/\s/, 1)[0].slice(0, 40)
    return error(`expected ${what}, got ${found ? `'${found}'` : 'the end of the text'}`)
  }
  const match = (pattern: RegExp, what: string): RegExpExecArray => {
    blanks()
    pattern.lastIndex = at
    const m = pattern.exec(text)
    if (!m) throw expected(what)
    at = pattern.lastIndex
    return m
  }
  const sees = (token: string): boolean => {
    blanks()
    return text.startsWith(token, at)
  }
  const skip = (token: string): boolean => {
    const found = sees(token)
    if (found) at += token.length
    return found
  }
  /** Text that stands bare or between quotes: groups 2 and 1 of the pattern. */
  const quotable = (pattern: RegExp, what: string): string => {
    const m = match(pattern, what)
    return m[1] ? JSON.parse(m[1]) : m[2]
  }
  return {
    error,
    match,
    sees,
    skip,
    text: quotable,
    word: (what: string): string => quotable(/("(?:[^"\\]|\\.)*")|([A-Za-z_$][\w$]*)/y, what),
    expect: (token: string): void => {
      if (!skip(token)) throw expected(`'${token}'`)
    },
    position: (): number => {
      blanks()
      return at
    },
    moveTo: (position: number): void => {
      at = position
    },
    end: (): void => {
      blanks()
      if (at < text.length) throw expected('the end of the text')
    },
  }
}
