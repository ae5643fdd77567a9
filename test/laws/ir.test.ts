import { describe, expect, test } from 'vitest'
import { interpret } from '../../compiler/interpret/interpret.js'
import { parse } from '../../compiler/ir/parse.js'
import { print } from '../../compiler/ir/print.js'
import type { Eqn, Fn, Var } from '../../compiler/ir/types.js'
import { verify } from '../../compiler/ir/verify.js'
import '../../compiler/ops/index.js'
import { FoveaError } from '../../compiler/trace/error.js'

const thrown = (f: () => unknown): FoveaError => {
  try {
    f()
  } catch (err) {
    expect(err).toBeInstanceOf(FoveaError)
    return err as FoveaError
  }
  return expect.fail('expected an error')
}

describe('print and parse', () => {
  const v = (id: number, ...shape: number[]): Var => ({ id, aval: { shape, dtype: 'f32' } })
  const [a, b, c, d] = [v(7, 2, 3), v(3), v(90, 2, 3), v(4, 0)]
  const odd: Fn = {
    name: 'grad of "f"',
    inputs: [a],
    eqns: [
      {
        op: 'constant',
        inputs: [],
        params: { value: '-0', dtype: 'f32' },
        outputs: [b],
        scope: 'a scope/with "quotes"',
      },
      {
        op: 'custom op',
        inputs: [a, b],
        params: { 'a key': { deep: [null, true, -0, 1e-30, 1e300, 'text {with} "marks"', []] }, empty: {} },
        outputs: [c, d],
        loc: { file: '/home/me/my files/a#b.ts', line: 12, column: 5 },
        scope: '#/%',
      },
      {
        op: 'neg',
        inputs: [c],
        params: {},
        outputs: [v(5, 2, 3)],
        loc: { file: 'C:/x:1:2.ts', line: 1, column: 2 },
        scope: '',
      },
    ],
    outputs: [c, a, c],
  }

  test('functions that an equation runs come back', () => {
    const text = [
      'fn f(%0: i32[], %1: f32[2]) {',
      '  %2: f32[2], %3: f32[] = cond(%0, %1) {k: 1} [',
      '    fn no(%0: f32[2]) {',
      '      %1: f32[] = cond(%0) [',
      '        fn inner() {',
      '          return',
      '        }',
      '      ]   @a.ts:3:4',
      '      return %0, %1',
      '    },',
      '    fn yes(%0: f32[2]) {',
      '      return %0, %0',
      '    }',
      '  ]   @a.ts:1:2 #scope',
      '  return %2',
      '}',
      '',
    ].join('\n')
    expect(print(parse(text))).toBe(text)
    expect(parse(text).eqns[0].fns![0].eqns[0].fns![0].name).toBe('inner')
  })

  test('names, places, scopes and every JSON value come back; ids become dense', () => {
    const text = print(odd)
    const back = parse(text)
    expect(print(back)).toBe(text)
    expect(back.name).toBe(odd.name)
    expect(back.eqns.map(({ op, params, loc, scope }) => ({ op, params, loc, scope }))).toEqual(
      odd.eqns.map(({ op, params, loc, scope }) => ({ op, params, loc, scope })),
    )
    expect(back.eqns.flatMap((eqn) => eqn.outputs.map((x) => x.id))).toEqual([1, 2, 3, 4])
    expect(back.outputs).toEqual([back.eqns[1].outputs[0], back.inputs[0], back.eqns[1].outputs[0]])
  })

  test('functions without inputs, equations or outputs', () => {
    for (const text of ['fn f() {\n  return\n}\n', 'fn f(%0: u32[]) {\n  return %0, %0\n}\n'])
      expect(print(parse(text))).toBe(text)
  })

  test.each([
    ['fn f(%0: f64[2]) {', "expected a dtype (bool, u8, i8, u32, i32, bf16, f16, f32), got 'f64[2])'", '1:10'],
    ['fn f(%0: f32[2]) {\n  %1: f32[2] = neg(%3)\n  return %1\n}', '%3 is not defined above', '2:20'],
    ['fn f(%0: f32[2]) {\n  %1: f32[2] = neg(%1)\n  return %1\n}', '%1 is not defined above', '2:20'],
    ['fn f(%0: f32[2]) {\n  %0: f32[2] = neg(%0)\n  return %0\n}', '%0 is defined twice', '2:3'],
    ['fn f(%0: f32[2]) {\n  %1 f32[2] = neg(%0)\n  return %1\n}', "expected ':', got 'f32[2]'", '2:6'],
    [
      'fn f(%0: f32[2]) {\n  %1: f32[2] = neg(%0) {axis: one}\n  return %1\n}',
      "expected a JSON value, got 'one}'",
      '2:31',
    ],
    [
      'fn f(%0: f32[2]) {\n  %1: f32[2] = neg(%0) @model\n  return %1\n}',
      "expected a place such as '@model.ts:12:5', got '@model'",
      '2:24',
    ],
    ['fn f(%0: f32[2]) {\n  return %0', "expected '}', got the end of the text", '2:12'],
    ['fn f() {\n  return\n}\nfn', "expected the end of the text, got 'fn'", '4:1'],
  ])('%j: %s', (text, message, at) => {
    const err = thrown(() => parse(text, 'model.ir'))
    expect(err.code).toBe('parse')
    expect(err.message).toBe(`${message}\n  at model.ir:${at}`)
  })
})

describe('verify', () => {
  const good = parse(
    'fn f(%0: f32[2,3]) {\n  %1: f32[2,3] = sin(%0)   @a.ts:3:4\n  %2: f32[2] = reduceSum(%1) {axes: [1]}\n  return %2\n}',
  )
  const [x] = good.inputs
  const [sin, sum] = good.eqns
  const wrong = (eqns: readonly Eqn[], outputs: readonly Var[] = good.outputs): FoveaError =>
    thrown(() => verify({ ...good, eqns, outputs }))

  test('passes a good function through', () => {
    expect(verify(good)).toBe(good)
  })
  test.each<[string, () => FoveaError, string]>([
    [
      'order',
      () => wrong([sum, sin]),
      "'f': %2 is read before it is defined, in\n  %1: f32[2] = reduceSum(%2) {axes: [1]}",
    ],
    ['twice', () => wrong([sin, sin, sum]), "'f': %1 is defined twice, in\n  %1: f32[2,3] = sin(%0)\n  at a.ts:3:4"],
    [
      'ids',
      () => wrong([sin, { ...sum, outputs: [{ ...sum.outputs[0], id: 0 }] }], []),
      "'f': %2 has the id of another value, 0, in\n  %2: f32[2] = reduceSum(%1) {axes: [1]}",
    ],
    ['op', () => wrong([{ ...sin, op: 'sine' }, sum]), "'f': unknown op 'sine'"],
    ['operands', () => wrong([sin, { ...sum, params: { axes: [4] } }]), "'f': reduceSum: ax"],
    [
      'type',
      () => wrong([sin, { ...sum, outputs: [{ id: 9, aval: x.aval }] }], [x]),
      "'f': %2 is f32[2,3], but reduceSum gives f32[2], in\n  %2: f32[2,3] = reduceSum(%1) {axes: [1]}",
    ],
    ['count', () => wrong([{ ...sin, outputs: [] }, sum]), "'f': sin gives 1 results, not 0, in\n"],
    [
      'params',
      () => wrong([sin, { ...sum, params: { axes: [1], eps: Number.NaN } }]),
      "'f': param 'eps' is not JSON, in\n",
    ],
    ['outputs', () => wrong([sin], good.outputs), "'f': %?2 is returned but not defined"],
  ])('names what is wrong: %s', (_name, error, message) => {
    expect(error().code).toBe('ir')
    expect(error().message.slice(0, message.length)).toBe(message)
  })
})

describe('interpret', () => {
  const fn = parse(
    'fn f(%0: f32[2], %1: f32[2]) {\n  %2: f32[2] = sub(%0, %1)\n  %3: f32[] = reduceSum(%2) {axes: [0]}\n  return %3, %0\n}',
  )
  const f32 = (...data: number[]) => ({ shape: [data.length], dtype: 'f32' as const, data: Float64Array.from(data) })

  test('runs equations in f64', () => {
    const [sum, x] = interpret(fn, [f32(0.1, 5), f32(0.3, 2)])
    expect(sum).toEqual({ shape: [], dtype: 'f32', data: Float64Array.of(0.1 - 0.3 + 3) })
    expect(Array.from(x.data)).toEqual([0.1, 5])
  })
  test('refuses other inputs than the function takes', () => {
    expect(thrown(() => interpret(fn, [f32(1, 2)])).message).toBe("interpret: 'f' takes 2 arrays, got 1")
    expect(thrown(() => interpret(fn, [f32(1, 2), f32(1)])).message).toBe(
      "interpret: input 1 of 'f' is f32[2], got f32[1] with 1 elements",
    )
  })
})
