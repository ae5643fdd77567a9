import * as f from '../../../index.js'
import { loadClip } from '../../../models/clip/index.js'
import type { Mistake } from './mistake.js'

const { ones, tensor, jit, grad } = f
type Any = f.Tensor<any, any>
const ids = tensor(new Int32Array([0, 1]))
const any = (g: (...args: any[]) => unknown): any => g

/** Functions that can't be traced, differentiated, mapped or run. */
export const programs: readonly Mistake[] = [
  [
    'grad of a vector',
    () => grad(any((x: Any) => f.mul(x, 2)))(ones([3])),
    'grad: the loss must be a scalar, got [3]; reduce it with sum or mean',
  ],
  [
    'grad by integers',
    () => grad(any((x: Any) => f.sum(x)))(ids),
    'grad: expected float tensors in argument 0, got i32[2]',
  ],
  [
    'grad of an integer loss',
    () => grad(any((x: Any) => f.cast(f.sum(x), 'i32')))(ones([2])),
    'grad: the loss must be a float, got i32',
  ],
  [
    'grad, argnums out of range',
    () =>
      grad(
        any((x: Any) => f.sum(x)),
        { argnums: 2 } as never,
      )(ones([2])),
    'grad: argnums 2 is out of range for 1 arguments',
  ],
  [
    'grad of a function that returns a tree',
    () => grad(any((x: Any) => ({ loss: f.sum(x) })))(ones([2])),
    'grad: the function must return a tensor',
  ],
  [
    'grad, hasAux without aux',
    () =>
      grad(
        any((x: Any) => f.sum(x)),
        { hasAux: true } as never,
      )(ones([2])),
    'grad: with hasAux the function must return [loss, aux]',
  ],
  [
    'grad, nothing returned',
    () => grad(any((x: Any) => void f.sum(x)))(ones([2])),
    'a traced function must return tensors, got undefined: the function has no return',
  ],
  [
    'jvp, tangent of another shape',
    () =>
      f.jvp(
        any((x: Any) => f.exp(x)),
        [ones([2])],
        [ones([3])] as never,
      ),
    `jvp: expected a tangent f32[2] at '0', got f32[3]`,
  ],
  [
    'jvp, tangents of another tree',
    () =>
      f.jvp(
        any((p: any) => f.exp(p.w)),
        [{ w: ones([2]) }],
        [ones([2])] as never,
      ),
    'jvp: expected tangents with the structure of the primals',
  ],
  [
    'vjp, cotangent of another shape',
    () => (f.vjp as any)((x: Any) => f.exp(x), ones([2]))[1](ones([3])),
    'vjp: expected a cotangent f32[2], got f32[3]',
  ],
  [
    'vmap over a scalar',
    () => (f.vmap as any)(any((x: Any) => f.exp(x)))(ones([])),
    `vmap: expected an axis to map at '0', got a scalar`,
  ],
  [
    'vmap, sizes differ',
    () => (f.vmap as any)(any((x: Any, y: Any) => f.add(x, y)))(ones([2]), ones([3])),
    'vmap: expected one size of the mapped axis, got 2 and 3 in [2], [3]',
  ],
  [
    'jit in jit',
    () => {
      const inner = jit((x: Any) => f.exp(x))
      return jit(any((x: Any) => inner(x)))(ones([2]))
    },
    `'fn' is jitted and was called while another function is being traced: call 'fn.fn' there, the plain function, which becomes part of the outer program`,
  ],
  [
    'an async function in jit',
    () => jit(async (x: Any) => x)(ones([2])),
    'a traced function must return tensors, got a promise: the function is async or calls a jitted function; call the plain function inside instead',
  ],
  [
    'jit without a result',
    () => jit(any((x: Any) => void f.exp(x)))(ones([2])),
    'a traced function must return tensors, got undefined: the function has no return',
  ],
  [
    'an if on a traced value',
    () => jit(any((x: any) => (x > 0 ? x : f.neg(x))))(ones([])),
    `a tensor's value can't be used in JavaScript arithmetic, comparisons or strings: use add, mul, where, …, or read it with 'await x.data()' outside the traced function`,
  ],
  [
    'a value read while tracing',
    () => jit(any((x: Any) => f.mul(x, (x as any).item())))(ones([])),
    `a tensor's value can't be read while a function is traced: return the tensor, and read it with 'await y.data()' outside`,
  ],
  [
    'a tensor in a text',
    () => jit(any((x: Any) => f.namedScope(`layer ${x}`, () => x)))(ones([])),
    `a tensor's value can't be used in JavaScript arithmetic, comparisons or strings: use add, mul, where, …, or read it with 'await x.data()' outside the traced function`,
  ],
  [
    'a traced tensor that was stored',
    () => {
      let kept: Any = ones([]) as Any
      grad(
        any((x: Any) => {
          kept = x
          return f.sum(x)
        }),
      )(ones([2]))
      return f.add(kept, 1).data()
    },
    `leaked tracer: a tensor made from the argument '0' of another traced function has no value outside it: pass it as an argument, or return it, and don't store traced tensors outside`,
  ],
  [
    'an argument that is changed',
    () =>
      jit(
        any((p: any) => {
          p.w = f.mul(p.w, 2)
          return p
        }),
      )({ w: ones([2]) }),
    `the function changes its arguments (Cannot assign to read only property 'w' of object '#<Object>'): a traced function is pure; make a new object, such as { ...p, w }`,
  ],
  [
    'a wrong tree',
    () => jit(any((p: { w: Any }, x: Any) => f.mul(p.w, x)))({ weight: ones([2]) }, ones([2])),
    'mul: expected a tensor, got undefined',
  ],
  [
    'an instance among the arguments',
    () => jit(any((x: Any) => x))(new Map([['w', ones([2])]])),
    `expected a tensor, plain object, array, number or string at '0', got an instance of Map`,
  ],
  [
    'a function among the arguments',
    () => jit(any((x: Any) => x))(() => ones([2])),
    `expected a tensor, plain object or array at '0', got a function`,
  ],
  [
    'treeMap of different trees',
    () => f.treeMap((a, b) => f.add(a, b) as never, { w: ones([2]) }, { v: ones([2]) }),
    'treeMap: trees differ in structure:\n  {"w":*}\n  {"v":*}',
  ],
  [
    'customJvp that closes over a tensor',
    () => {
      const w = f.mul(ones([2]), 2)
      return f.customJvp(
        any((x: Any) => f.mul(x, w)),
        any(() => []),
      )(ones([2]))
    },
    'customJvp f: the function uses a tensor from outside, f32[2]: pass it as an argument',
  ],
  [
    'customJvp with a wrong tangent',
    () =>
      grad(
        any((x: Any) =>
          f.sum(
            f.customJvp(
              any((y: Any) => y),
              any(([y]: Any[]) => [y, f.sum(y)]),
            )(x) as Any,
          ),
        ),
      )(ones([2])),
    'customJvp f: expected tangents f32[2], got f32[]',
  ],
  [
    'an error in a named scope',
    () => jit(any((x: Any) => f.namedScope('encoder', () => f.namedScope('mlp', () => f.matmul(x, x)))))(ones([2, 3])),
    'matmul: inner dims differ: 3 vs 2 in [2, 3] x [2, 3] in encoder/mlp',
  ],
  [
    'a donated array used again',
    async () => {
      const step = jit((x: Any) => f.mul(x, 2), { donate: [0], name: 'step' })
      const x = tensor([1, 2]) as Any
      await step(x)
      return step(x)
    },
    `the array f32[2] was donated to 'step' and can't be used any more: keep what you still need, or use the call's result`,
  ],
  [
    'a disposed array',
    async () => {
      const x = tensor([1, 2])
      x.dispose()
      return f.add(x, 1).data()
    },
    `the array f32[2] was disposed and can't be used any more: keep what you still need, or use the call's result`,
  ],
  ['item of many', () => ones([3]).item(), 'item: expected a tensor of one element, got shape [3]'],
  [
    'a missing await',
    async () => {
      const y = jit((x: Any) => f.exp(x))(ones([2]) as Any)
      await y // elsewhere
      return f.sum(y as never)
    },
    'sum: expected a tensor, got a promise: await it first',
  ],
  [
    'arithmetic on a tensor',
    () => (ones([]) as any) + 1,
    `a tensor's value can't be used in JavaScript arithmetic, comparisons or strings: use add, mul, where, …, or read it with 'await x.data()' outside the traced function`,
  ],
  [
    'an array of a device that is gone',
    async () => {
      const x = await jit((y: Any) => f.exp(y))(ones([2]) as Any)
      await f.destroyDevice()
      return f.add(x, 1).data()
    },
    'the device was lost: it was destroyed. Arrays that were only on it are gone; a later call opens a device anew',
  ],
  [
    'a tensor larger than the device binds',
    async () =>
      jit(
        any(() => f.exp(ones([1 << 15, 1 << 15]) as never)),
        { name: 'huge' },
      )(),
    'broadcastInDim: a tensor [32768, 32768] takes 4294967296 bytes, more than the device binds at once (4294901760); split it, or use a smaller batch',
  ],
  [
    'a step that needs more memory than there is',
    () =>
      jit(
        any(() => [1, 2, 3].map((n) => f.exp(f.full([1 << 14, 1 << 15], n, 'f32') as never))),
        { name: 'huge' },
      )(),
    `out of memory: asked for 6.0 GiB in 3 arrays, with 0 bytes in use and 16.0 MiB allocated. Free arrays with x.dispose() or 'using', reuse inputs' memory with jit's donate, or use a smaller batch (the CPU's memory of arrays ends at 4.0 GiB). 'huge' holds 0 bytes of arguments, 6.0 GiB of results and 0 bytes of temporaries`,
  ],
  [
    'a checkpoint that is not there',
    () => loadClip('nowhere'),
    'cannot read checkpoint nowhere: there is no such folder. Check the path.',
  ],
  [
    'debug.print, too few values',
    () => f.debug.print('{} {}', ones([2])),
    `debug.print: expected a value for each {} of '{} {}', got 1 for 2`,
  ],
]
