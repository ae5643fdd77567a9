import { isNarrow, type Wide } from '../ir/dtype.js'
import { type Expr, type ExprType, scalarType, widthOf } from './expr.js'
import { type Kernel, type KernelBuffer, type Stmt, scratchBase } from './ir.js'
import { bindLets } from './lets.js'
import { writeCommon } from './math/common.js'
import { loadNarrow, narrowHelpers, storeNarrow, wordType, wrapText } from './wgsl-narrow.js'

/**
 * Prints a kernel as WGSL. Bindings are @group(0), in the order of the kernel's buffers; the entry point is `main`.
 * Source: https://www.w3.org/TR/WGSL/
 */
export function printWgsl(kernel: Kernel): string {
  const helpers = new Set<string>()
  const body = bindLets(writeCommon(kernel.body)).flatMap((s) => printStmt(s, kernel, helpers, '  '))
  const text = body.join('\n')
  const uses = (name: string): boolean => new RegExp(`\\b${name}\\b`).test(text)
  const group = ['group_x', 'group_y', 'group_z'].some(uses)
  const lane = ['lane_x', 'lane_y'].some(uses)
  const parameters = [
    group ? '@builtin(workgroup_id) group: vec3u' : '',
    lane ? '@builtin(local_invocation_id) lane: vec3u' : '',
  ].filter(Boolean)
  const [x, y] = kernel.lanes
  if (uses('subgroup_lane')) parameters.push('@builtin(subgroup_invocation_id) subgroup_lane: u32')
  return [
    ...(uses('subgroupBroadcast') ? ['enable subgroups;'] : []),
    ...kernel.buffers.map(
      (b, i) => `@group(0) @binding(${i}) var<storage, ${b.access}> b${i}: array<${elementType(b)}>;`,
    ),
    ...kernel.scratch.map(
      (s, i) => `var<${s.per === 'workgroup' ? 'workgroup' : 'private'}> s${i}: array<${typeName(s.t)}, ${s.size}>;`,
    ),
    ...[...helpers].sort().map((name) => helperText[name] ?? vectorHelper(name.slice(0, -1))),
    `@compute @workgroup_size(${x}${y > 1 ? `, ${y}` : ''})`,
    `fn main(${parameters.join(', ')}) {`,
    ...['x', 'y', 'z'].filter((d) => uses(`group_${d}`)).map((d) => `  let group_${d} = group.${d};`),
    ...['x', 'y'].filter((d) => uses(`lane_${d}`)).map((d) => `  let lane_${d} = lane.${d};`),
    text,
    '}',
    '',
  ].join('\n')
}

const scalarName: Record<Wide, string> = { f32: 'f32', i32: 'i32', u32: 'u32', bool: 'bool' }
const vectorName: Record<Wide, string> = { f32: 'vec4f', i32: 'vec4i', u32: 'vec4u', bool: 'vec4<bool>' }
const typeName = (t: ExprType): string => (widthOf(t) === 4 ? vectorName[scalarType(t)] : scalarName[scalarType(t)])
/** bool is stored as u32: WGSL has no bool in memory. */
const elementType = (b: KernelBuffer): string => {
  if (isNarrow(b.dtype)) return wordType(b.dtype, b)
  const dtype = b.dtype === 'bool' ? 'u32' : b.dtype
  return b.width === 4 ? vectorName[dtype] : scalarName[dtype]
}

function printStmt(s: Stmt, kernel: Kernel, helpers: Set<string>, pad: string): string[] {
  const show = (x: Expr): string => printExpr(x, kernel, helpers)
  const inner = (stmts: readonly Stmt[]): string[] => stmts.flatMap((b) => printStmt(b, kernel, helpers, `${pad}  `))
  switch (s.k) {
    case 'let':
      return [`${pad}let ${s.name} = ${show(s.value)};`]
    case 'mutable':
      return [`${pad}var ${s.name}: ${typeName(s.t)} = ${show(s.value)};`]
    case 'set':
      return [`${pad}${s.name} = ${show(s.value)};`]
    case 'store': {
      const value = show(s.value)
      if (s.buffer >= scratchBase) return [`${pad}s${s.buffer - scratchBase}[${show(s.at)}] = ${value};`]
      const buffer = kernel.buffers[s.buffer]
      const { dtype, width } = buffer
      if (isNarrow(dtype)) return [pad + storeNarrow(dtype, buffer, `b${s.buffer}`, show(s.at), value, added(helpers))]
      const bits = width === 4 ? `vec4u(${value})` : `u32(${value})`
      return [`${pad}b${s.buffer}[${show(s.at)}] = ${dtype === 'bool' ? bits : value};`]
    }
    case 'loop':
      return [
        `${pad}for (var ${s.index} = ${s.from ? show(s.from) : '0u'}; ${s.index} < ${typeof s.count === 'number' ? `${s.count}u` : show(s.count)}; ${s.index}++) {`,
        ...inner(s.body),
        `${pad}}`,
      ]
    case 'while':
      return [`${pad}while (${show(s.cond)}) {`, ...inner(s.body), `${pad}}`]
    case 'if':
      return [`${pad}if (${show(s.cond)}) {`, ...inner(s.body), `${pad}}`]
    case 'exit':
      return [`${pad}if (${show(s.cond)}) { return; }`]
    case 'barrier':
      return [`${pad}workgroupBarrier();`]
  }
}

const added =
  (helpers: Set<string>) =>
  (name: string): string => {
    helpers.add(name)
    return name
  }

function printExpr(x: Expr, kernel: Kernel, helpers: Set<string>): string {
  const show = (y: Expr): string => printExpr(y, kernel, helpers)
  switch (x.k) {
    case 'lit':
      return printLiteral(x.t, x.value, helpers)
    case 'var':
      return x.name
    case 'load': {
      if (x.buffer >= scratchBase) return `s${x.buffer - scratchBase}[${show(x.at)}]`
      const buffer = kernel.buffers[x.buffer]
      if (isNarrow(buffer.dtype)) return loadNarrow(buffer.dtype, buffer, `b${x.buffer}`, show(x.at), added(helpers))
      const text = `b${x.buffer}[${show(x.at)}]`
      return buffer.dtype === 'bool' ? `${typeName(x.t)}(${text})` : text
    }
    case 'op': {
      const spell = spelling[x.f]
      if (!spell) throw new Error(`internal: no WGSL for scalar function '${x.f}'`)
      return spell(x.args.map(show), x, (name) => {
        const own = widthOf(x.t) === 4 ? `${name}4` : name
        helpers.add(own)
        return own
      })
    }
  }
}

function printLiteral(t: ExprType, value: number, helpers: Set<string>): string {
  if (widthOf(t) === 4) return `${typeName(t)}(${printLiteral(scalarType(t), value, helpers)})`
  switch (scalarType(t)) {
    case 'bool':
      return value ? 'true' : 'false'
    case 'u32':
      return `${value}u`
    case 'i32':
      return value === -2147483648 ? 'i32(-2147483647 - 1)' : `${value}i`
    case 'f32': {
      const v = Math.fround(value)
      // Constants must be finite in WGSL; bits read from a variable may be anything.
      if (!Number.isFinite(v)) {
        helpers.add('special')
        return `bitcast<f32>(special[${Number.isNaN(v) ? 0 : v > 0 ? 1 : 2}])`
      }
      const text = String(v)
      return `${/[.e]/.test(text) ? text : `${text}.0`}f`
    }
  }
}

type Spell = (args: string[], x: Expr & { k: 'op' }, helper: (name: string) => string) => string
const infix =
  (operator: string): Spell =>
  (args) =>
    `(${args.join(` ${operator} `)})`
const call =
  (name: string): Spell =>
  (args) =>
    `${name}(${args.join(', ')})`
const helped =
  (name: string): Spell =>
  (args, _x, helper) =>
    `${helper(name)}(${args.join(', ')})`

/** Amounts below 32 that the kernel knows, for vectors too. */
function shiftByConstant(operator: string, a: string, x: Expr & { k: 'op' }): string | undefined {
  const by = x.args[1]
  if (by.k !== 'lit' || by.value < 0 || by.value > 31) return undefined
  return `(${a} ${operator} ${widthOf(x.t) === 4 ? `vec4u(${by.value}u)` : `${by.value}u`})`
}

/** How each scalar function of the op records is spelled. */
const spelling: Record<string, Spell> = {
  iadd: infix('+'),
  imul: infix('*'),
  idiv: infix('/'),
  imod: infix('%'),
  add: infix('+'),
  sub: infix('-'),
  mul: infix('*'),
  /** By zero it is 0; WGSL has the dividend. */
  div: (args, x, helper) =>
    scalarType(x.t) === 'f32'
      ? infix('/')(args, x, helper)
      : helped(scalarType(x.t) === 'i32' ? 'divI32' : 'divU32')(args, x, helper),
  rem: infix('%'),
  neg: ([a]) => `(-${a})`,
  not: ([a], x) => (scalarType(x.t) === 'bool' ? `(!${a})` : `(~${a})`),
  and: infix('&'),
  or: infix('|'),
  xor: (args, x, helper) => infix(scalarType(x.t) === 'bool' ? '!=' : '^')(args, x, helper),
  shiftLeft: ([a, b], x) =>
    shiftByConstant('<<', a, x) ?? `select(${x.t}(0), ${a} << (u32(${b}) & 31u), u32(${b}) < 32u)`,
  shiftRight: ([a, b], x) =>
    shiftByConstant('>>', a, x) ??
    (x.t === 'u32' ? `select(0u, ${a} >> (${b} & 31u), ${b} < 32u)` : `(${a} >> min(u32(${b}), 31u))`),
  eq: infix('=='),
  ne: infix('!='),
  lt: infix('<'),
  le: infix('<='),
  gt: infix('>'),
  ge: infix('>='),
  max: (args, x, helper) =>
    scalarType(x.t) === 'f32' ? helped('maxNan')(args, x, helper) : call('max')(args, x, helper),
  min: (args, x, helper) =>
    scalarType(x.t) === 'f32' ? helped('minNan')(args, x, helper) : call('min')(args, x, helper),
  select: ([c, a, b]) => `select(${b}, ${a}, ${c})`,
  // To bool: whether it is not zero.
  cast: (args, x, helper) => {
    const [from, to] = [scalarType(x.args[0].t), scalarType(x.t)]
    if (from !== 'f32' || (to !== 'i32' && to !== 'u32')) return call(typeName(x.t))(args, x, helper)
    return helped(to === 'i32' ? 'castI32' : 'castU32')(args, x, helper)
  },
  roundF16: helped('roundF16'),
  roundBf16: helped('roundBf16'),
  wrapI8: ([a], x) => wrapText.i8(a, widthOf(x.t)),
  wrapU8: ([a], x) => wrapText.u8(a, widthOf(x.t)),
  stopGradient: ([a]) => a,
  exp: call('exp'),
  log: call('log'),
  sqrt: call('sqrt'),
  rsqrt: call('inverseSqrt'),
  sin: ([a], x, helper) => `${helper('sinQuadrant')}(${a}, ${widthOf(x.t) === 4 ? 'vec4i(0)' : '0'})`,
  cos: ([a], x, helper) => `${helper('sinQuadrant')}(${a}, ${widthOf(x.t) === 4 ? 'vec4i(1)' : '1'})`,
  abs: call('abs'),
  sign: call('sign'),
  floor: call('floor'),
  ceil: call('ceil'),
  round: call('round'),
  trunc: call('trunc'),
  popcount: call('countOneBits'),
  clz: call('countLeadingZeros'),
  bits: ([a], x) => `bitcast<${typeName(x.t)}>(${a})`,
  float: ([a], x) => `bitcast<${typeName(x.t)}>(${a})`,
  fma: call('fma'),
  tanh: helped('tanhSafe'),
  erf: helped('erf'),
  logistic: helped('logistic'),
  pow: helped('powSigned'),
  splat: ([a], x) => `${typeName(x.t)}(${a})`,
  vec4: (args, x) => `${typeName(x.t)}(${args.join(', ')})`,
  dot4: call('dot'),
  lane0: ([a]) => `${a}.x`,
  lane1: ([a]) => `${a}.y`,
  lane2: ([a]) => `${a}.z`,
  lane3: ([a]) => `${a}.w`,
  /** The first argument's value in the invocation of the subgroup that the second numbers. */
  broadcast: call('subgroupBroadcast'),
}

/** The same helper for vectors: types and constants become vectors; so helpers are written with `&` and typed literals. */
const vectorHelper = (name: string): string =>
  helperText[name]
    .replace(/\b(\w+)\(/, '$14(')
    .replace(/\b(?:0x[\da-f]+|\d+)u\b/g, 'vec4u($&)')
    .replace(/\b\d+i\b/g, 'vec4i($&)')
    .replace(/\b\d[\d.]*(?:e[+-]?\d+)?f\b/g, 'vec4f($&)')
    .replace(/\b(f|i|u)32\b/g, 'vec4$1')

const helperText: Record<string, string> = {
  ...narrowHelpers,
  special: 'var<private> special: array<u32, 3> = array<u32, 3>(0x7fc00000u, 0x7f800000u, 0xff800000u);',
  // NaN is told by its bits: comparisons may be optimised as if there were none.
  maxNan: `fn maxNan(a: f32, b: f32) -> f32 {
  let m = select(b, a, a > b);
  return select(m, a, (bitcast<u32>(a) & 0x7fffffffu) > 0x7f800000u);
}`,
  minNan: `fn minNan(a: f32, b: f32) -> f32 {
  let m = select(b, a, a < b);
  return select(m, a, (bitcast<u32>(a) & 0x7fffffffu) > 0x7f800000u);
}`,
  divI32: 'fn divI32(a: i32, b: i32) -> i32 { return select(a / b, 0i, b == 0i); }',
  divU32: 'fn divU32(a: u32, b: u32) -> u32 { return select(a / b, 0u, b == 0u); }',
  // WGSL stops at the last f32 below 2^31 or 2^32, and says nothing of NaN.
  castI32: `fn castI32(x: f32) -> i32 {
  let y = select(i32(x), 2147483647i, x >= 2147483648.0f);
  return select(y, 0i, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u);
}`,
  castU32: `fn castU32(x: f32) -> u32 {
  let y = select(u32(x), 4294967295u, x >= 4294967296.0f);
  return select(y, 0u, (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u);
}`,
  tanhSafe: 'fn tanhSafe(x: f32) -> f32 { return tanh(clamp(x, -15.0f, 15.0f)); }',
  logistic: `fn logistic(x: f32) -> f32 {
  let e = exp(-abs(x));
  return select(e, 1.0f, x >= 0.0f) / (1.0f + e);
}`,
  powSigned: `fn powSigned(a: f32, b: f32) -> f32 {
  let whole = floor(b) == b;
  let odd = whole & (abs(b) < 16777216.0f) & ((i32(b) & 1i) != 0i);
  let m = pow(abs(a), b);
  let r = select(select(0.0f / (a - a), m, whole), m, a >= 0.0f);
  return select(select(r, -m, odd & (a < 0.0f)), 1.0f, b == 0.0f);
}`,
  // WGSL promises its own sin only to 2^-11. The argument is reduced by π/2 in two parts (Cody & Waite 1980), exact to |x| ≈ 1e4;
  // the polynomials are Taylor's, good to an ulp on ±π/4.
  sinQuadrant: `fn sinQuadrant(x: f32, shift: i32) -> f32 {
  let k = round(x * 0.63661977f);
  let r = fma(-k, 7.5497894e-8f, fma(-k, 1.5707962513f, x));
  let z = r * r;
  let s = fma(r * z, fma(z, fma(z, fma(z, 2.7557319e-6f, -1.9841270e-4f), 8.3333333e-3f), -0.16666667f), r);
  let c = fma(z, fma(z, fma(z, fma(z, 2.4801587e-5f, -1.3888889e-3f), 0.041666667f), -0.5f), 1.0f);
  let q = i32(k) + shift;
  let v = select(s, c, (q & 1i) != 0i);
  return select(v, -v, (q & 2i) != 0i);
}`,
  // erf within 3 ulp: a polynomial in x² for |x| < 1, else 1 - exp(-x²)·Q(1 / (1 + x/2)); both fitted at Chebyshev nodes.
  erf: `fn erf(x: f32) -> f32 {
  let a = min(abs(x), 4.0f);
  let z = x * x;
  let small = x * fma(fma(fma(fma(fma(fma(fma(-9.67359119e-06f, z, 0.000112682537f), z, -0.000848439639f), z, 0.00522105349f), z, -0.0268654376f), z, 0.112837829f), z, -0.376126379f), z, 1.12837923f);
  let t = 1.0f / (1.0f + 0.5f * a);
  let q = fma(fma(fma(fma(fma(fma(fma(fma(0.0129329134f, t, 0.0685304552f), t, -0.384646118f), t, 0.479816347f), t, -0.0537935682f), t, 0.328946322f), t, 0.264107674f), t, 0.284325778f), t, -0.000120402568f);
  let big = sign(x) * (1.0f - exp(-a * a) * q);
  return select(big, small, a < 1.0f);
}`,
}
