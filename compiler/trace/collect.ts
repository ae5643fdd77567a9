import type { Eqn, Fn, Var } from '../ir/types.js'
import { FoveaError } from './error.js'
import { inputTensor, type Node, nodeCount } from './tensor.js'
import { type AnyTensor, flatten, type TreeDef, unflatten } from './tree.js'

/** A traced function: the IR, and the tensors it closes over, which are its inputs after the arguments. */
export interface Traced {
  readonly fn: Fn
  readonly captured: readonly AnyTensor[]
  readonly outTree: TreeDef
}

let depth = 0
/** True while a function is being traced. */
export const isTracing = (): boolean => depth > 0

/**
 * Runs `f` on placeholders of the arguments' shapes and returns the graph its results reach. Arguments' values are not read.
 * What was made before the call and doesn't depend on the arguments is captured as it is; with `closed` (jit, the outermost
 * trace) only existing arrays are, and pending graphs become part of the function.
 */
export function traceFn(
  f: (...args: any[]) => unknown,
  args: readonly unknown[],
  name = f.name || 'fn',
  closed = false,
): Traced {
  const { leaves, paths, tree } = flatten(args)
  const since = closed ? 0 : nodeCount()
  const inputs = leaves.map((x, i) => inputTensor(x.aval, paths[i]))
  const { out } = callTraced(f, unflatten(tree, inputs) as unknown[])
  return { ...collect(out.leaves, inputs, name, since), outTree: out.tree }
}

/** Calls a function under tracing and flattens what it returns; a promise is refused. */
export function callTraced(
  f: (...args: any[]) => unknown,
  args: readonly unknown[],
): { out: ReturnType<typeof flatten> } {
  depth++
  try {
    const result = f(...args)
    if (result instanceof Promise)
      throw new FoveaError(
        'trace',
        `a traced function must return tensors, got a promise: '${f.name || 'the function'}' is async or calls a jitted function; call the plain function inside instead`,
      )
    return { out: flatten(result) }
  } finally {
    depth--
  }
}

/** Nodes that `outs` reach, each after its inputs. `stop` ends the walk early. Iterative: graphs may be deep. */
export function topological(outs: readonly AnyTensor[], stop: (node: Node) => boolean = () => false): Node[] {
  const order: Node[] = []
  const state = new Map<Node, boolean>()
  const stack: { node: Node; next: number }[] = []
  const visit = (node: Node): void => {
    if (state.has(node) || stop(node)) return
    state.set(node, false)
    stack.push({ node, next: 0 })
  }
  for (const x of outs) {
    visit(x.node)
    while (stack.length) {
      const top = stack[stack.length - 1]
      if (top.node.kind === 'op' && top.next < top.node.inputs.length) visit(top.node.inputs[top.next++].node)
      else {
        stack.pop()
        if (!state.get(top.node)) order.push(top.node)
        state.set(top.node, true)
      }
    }
  }
  return order
}

/**
 * The graph between `inputs` and `outs` as an Fn. Existing arrays, and nodes older than `since`, become further inputs.
 * A placeholder of another trace is an error when `since` is 0.
 */
export function collect(
  outs: readonly AnyTensor[],
  inputs: readonly AnyTensor[],
  name: string,
  since = 0,
): { fn: Fn; captured: AnyTensor[] } {
  let id = 0
  const vars = new Map<AnyTensor, Var>()
  const define = (x: AnyTensor): Var => {
    const v = { id: id++, aval: x.aval }
    vars.set(x, v)
    return v
  }
  const inputVars = inputs.map(define)
  const own = new Set(inputs.map((x) => x.node))
  const arrays = new Map<Node, Var>()
  const captured: AnyTensor[] = []
  const capturedVars: Var[] = []
  const eqns: Eqn[] = []
  const read = (x: AnyTensor): Var => {
    const known = vars.get(x) ?? (x.node.kind === 'array' ? arrays.get(x.node) : undefined)
    if (known) return known
    if (x.node.kind === 'input' && since === 0)
      throw new FoveaError(
        'trace',
        `leaked tracer: '${name}' uses a tensor that belongs to another traced function (its argument '${x.node.label}'); pass it as an argument, and don't store traced tensors outside`,
      )
    const v = define(x)
    if (x.node.kind === 'array') arrays.set(x.node, v)
    captured.push(x)
    capturedVars.push(v)
    return v
  }
  for (const node of topological(outs, (n) => n.id < since || n.kind !== 'op' || own.has(n))) {
    if (node.kind !== 'op') continue
    const ins = node.inputs.map(read)
    eqns.push({
      op: node.op.name,
      inputs: ins,
      params: node.params,
      ...(node.fns.length && { fns: node.fns }),
      outputs: node.outs.map(define),
      loc: node.where(),
      scope: node.scope,
    })
  }
  const outputs = outs.map(read)
  return { fn: { name, inputs: [...inputVars, ...capturedVars], eqns, outputs }, captured }
}
