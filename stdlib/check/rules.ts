/** What `fovea check` looks for in functions that are traced: run once, on tensors without values, to make a program. */
export interface Rule {
  readonly severity: 'error' | 'warning'
  /** What to do, behind each finding. */
  readonly help: string
  /** Why, for `fovea check --explain`. */
  readonly why: string
  readonly wrong: string
  readonly right: string
}

const rule = (severity: Rule['severity'], help: string, why: string, wrong: string, right: string): Rule => ({
  severity,
  help,
  why,
  wrong,
  right,
})

export const rules = {
  'no-random': rule(
    'error',
    'pass a key, and draw with fovea/random',
    'A traced function runs once, so a number it draws becomes a constant of the program: every call sees the same one.',
    'jit((x) => mul(x, Math.random()))',
    'jit((x, k) => mul(x, uniform(k, [])))',
  ),
  'no-clock': rule(
    'error',
    'read the clock outside and pass it as an argument',
    'A traced function runs once, so the time it reads becomes a constant of the program.',
    'jit((x) => add(x, Date.now()))',
    'jit((x, now) => add(x, now))',
  ),
  'no-io': rule(
    'error',
    'do it outside the traced function, and pass what it gave',
    'A traced function runs once, while it is compiled, and not at every call; what it reads from outside is fixed then.',
    'jit((x) => mul(x, Number(process.env.SCALE)))',
    'const scale = Number(process.env.SCALE)\njit((x) => mul(x, scale))',
  ),
  'no-console': rule(
    'warning',
    'use debug.print, which prints at every call',
    'A tensor has no value while a function is traced: console prints a placeholder, once.',
    'jit((x) => { console.log(x); return x })',
    "jit((x) => { debug.print('{}', x); return x })",
  ),
  'no-value-read': rule(
    'error',
    'return the tensor, and read it outside',
    'A tensor has no value while a function is traced.',
    'jit(async (x) => mul(x, await x.item()))',
    'jit((x) => mul(x, x))',
  ),
  'no-tensor-condition': rule(
    'error',
    'choose with where or cond; compare with equal',
    'A tensor is an object, which is always true, whatever its value. A branch taken while tracing is the only one in the program.',
    'jit((x) => (greater(x, 0) ? x : neg(x)))',
    'jit((x) => where(greater(x, 0), x, neg(x)))',
  ),
  'no-tensor-arithmetic': rule(
    'error',
    'use add, mul, less, …',
    "JavaScript's operators work on numbers and texts, and a tensor is neither.",
    'jit((x) => x * 2)',
    'jit((x) => mul(x, 2))',
  ),
  'no-captured-mutation': rule(
    'error',
    'return the new value instead',
    'A traced function runs once per shape of its arguments, so what it changes outside is changed while it is compiled, and not at every call; a traced tensor that is stored outside has no value there.',
    'let last\njit((x) => { last = x; return x })',
    'const [y, last] = await jit((x) => [mul(x, 2), x])(x)',
  ),
  'no-argument-mutation': rule(
    'error',
    'make a new object, such as { ...p, w }',
    "Arguments of a traced function are copies made for it: the caller doesn't see the change, and tracing refuses it.",
    'jit((p) => { p.w = mul(p.w, 2); return p })',
    'jit((p) => ({ ...p, w: mul(p.w, 2) }))',
  ),
  'no-async': rule(
    'error',
    'make it a plain function; do what must be awaited outside',
    'Tracing calls the function and takes what it returns; a promise or a generator is not a tensor.',
    'jit(async (x) => mul(x, 2))',
    'jit((x) => mul(x, 2))',
  ),
  'no-jitted-call': rule(
    'error',
    'call the plain function, which becomes part of the program',
    'A jitted function runs on a device and returns a promise; inside a traced function there are no values to run it on.',
    'const f = jit(g)\njit((x) => f(x))',
    'jit((x) => g(x))',
  ),
  'unused-parameter': rule(
    'warning',
    "remove it, or begin its name with '_'",
    'A tensor that the function never reads has no part in the result, and a gradient of zero. Often another name was meant.',
    'jit((p, x) => matmul(x, w))',
    'jit((p, x) => matmul(x, p.w))',
  ),
  'unused-field': rule(
    'warning',
    'use it, or remove it from the type',
    'A parameter that no traced function reads is stored, sent and updated, and never trained. Often it was forgotten.',
    'type P = { w: …; b: … }\njit((p: P, x) => matmul(x, p.w))',
    'jit((p: P, x) => add(matmul(x, p.w), p.b))',
  ),
  'no-donated-use': rule(
    'error',
    "use the call's result, or don't donate the argument",
    "The memory of a donated argument becomes the result's, so the array is gone after the call.",
    'const step = jit(f, { donate: [0] })\nconst q = await step(p)\nawait p.data()',
    'let p = start\np = await step(p)',
  ),
  syntax: rule('error', 'correct it first', 'What does not parse can not be read.', 'jit((x) => )', 'jit((x) => x)'),
} satisfies Record<string, Rule>

export type RuleId = keyof typeof rules

/** A rule's page, for `fovea check --explain`. */
export function explain(id: RuleId): string {
  const { severity, help, why, wrong, right } = rules[id]
  const block = (code: string): string => code.replaceAll(/^/gm, '  ')
  return `${id} (${severity})\n\n${why}\nInstead: ${help}.\n\nwrong\n${block(wrong)}\n\nright\n${block(right)}\n\nA comment '// fovea-ignore ${id}' on the line, or on the line before, allows it there.`
}
