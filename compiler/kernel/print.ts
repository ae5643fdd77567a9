import { type Expr, type ExprType, widthOf } from './expr.js'
import { type Kernel, type Stmt, scratchBase } from './ir.js'

/**
 * A kernel as text, for people: what a CPU's kernels are shown as, since their code is bytes.
 *
 * @example
 * printKernel(kernel) // 'pointwise over 12 items\n  m0: f32[96] read\n …'
 */
export function printKernel(kernel: Kernel): string {
  const [lanes, items] = [kernel.lanes, kernel.workgroups].map((dims) =>
    dims.filter((n, i) => i === 0 || n > 1).join('×'),
  )
  return [
    `${kernel.name} over ${items} items${lanes === '1' ? '' : ` of ${lanes} lanes`}`,
    ...kernel.buffers.map((b, i) => `  m${i}: ${b.dtype}[${b.size}] ${b.access}`),
    ...kernel.scratch.map((s, i) => `  s${i}: ${s.t}[${s.size}] of each ${s.per}`),
    ...block(kernel.body, '  '),
    '',
  ].join('\n')
}

const block = (stmts: readonly Stmt[], pad: string): string[] => stmts.flatMap((s) => stmt(s, pad))

function stmt(s: Stmt, pad: string): string[] {
  switch (s.k) {
    case 'let':
      return [`${pad}${s.name} = ${show(s.value)}`]
    case 'mutable':
      return [`${pad}var ${s.name}: ${s.t} = ${show(s.value)}`]
    case 'set':
      return [`${pad}${s.name} ← ${show(s.value)}`]
    case 'store':
      return [`${pad}${place(s.buffer, s.at, s.value.t)} ← ${show(s.value)}`]
    case 'loop': {
      const [from, to] = [s.from ? show(s.from) : '0', typeof s.count === 'number' ? s.count : show(s.count)]
      return [`${pad}for ${s.index} in ${from}…${to}`, ...block(s.body, `${pad}  `)]
    }
    case 'while':
      return [`${pad}while ${show(s.cond)}`, ...block(s.body, `${pad}  `)]
    case 'if':
      return [`${pad}if ${show(s.cond)}`, ...block(s.body, `${pad}  `)]
    case 'exit':
      return [`${pad}exit if ${show(s.cond)}`]
    case 'barrier':
      return [`${pad}barrier`]
  }
}

/** `m` is memory that the caller gives, `s` scratch; `x4` after an index: the four elements from there on. */
const place = (buffer: number, at: Expr, t: ExprType): string =>
  `${buffer >= scratchBase ? `s${buffer - scratchBase}` : `m${buffer}`}[${show(at)}]${widthOf(t) === 4 ? 'x4' : ''}`
const infix: Record<string, string> = {
  iadd: '+',
  imul: '*',
  idiv: '/',
  imod: '%',
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
}

function show(x: Expr): string {
  switch (x.k) {
    case 'lit':
      return Object.is(x.value, -0) ? '-0' : String(x.value)
    case 'var':
      return x.name
    case 'load':
      return place(x.buffer, x.at, x.t)
    case 'op':
      return infix[x.f] ? `(${x.args.map(show).join(` ${infix[x.f]} `)})` : `${x.f}(${x.args.map(show).join(', ')})`
  }
}
