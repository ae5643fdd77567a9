import type { Eqn, Fn, Var } from '../ir/types.js'
import { callPure } from './call.js'
import { FoveaError } from './error.js'
import { type Print, recordPrints } from './prints.js'
import { type Where, where } from './source.js'
import { inputTensor, type Node, nodeCount } from './tensor.js'
import { type AnyTensor, flatten, type TreeDef, unflatten } from './tree.js'

/** A traced function: the IR, and the tensors it closes over, which are its inputs after the arguments. */
export interface Traced {
  readonly fn: Fn
  readonly captured: readonly AnyTensor[]
  readonly outTree: TreeDef
}

/**
 * Runs `f` on placeholders of the arguments' shapes and returns the graph its results reach. Arguments' values are not read.
 * What was made before the call and doesn't depend on the arguments is captured as it is; with `closed` (jit, the outermost
 * trace) only existing arrays are, and pending graphs become part of the function.
 *
 * For functions that become the body of one op, which can't print; `tracePrinting` is for those that run where they are called.
 */
export function traceFn(
  f: (...args: any[]) => unknown,
  args: readonly unknown[],
  name = f.name || 'fn',
  closed = false,
): Traced {
  const traced = tracePrinting(f, args, name, closed)
  if (traced.prints.length)
    throw new FoveaError(
      'trace',
      `debug.print: '${name}' is the body of one op (a loop, a branch, a function with its own derivative) and can't print from within: return the value and print it outside`,
      where()(),
    )
  return traced
}

/** `traceFn`, with what the function prints as further results of `fn`; `releasePrints` hands those on. */
export function tracePrinting(
  f: (...args: any[]) => unknown,
  args: readonly unknown[],
  name = f.name || 'fn',
  closed = false,
  place?: Where,
): Traced & { readonly prints: readonly Print[] } {
  const { leaves, paths, tree } = flatten(args)
  const since = closed ? 0 : nodeCount()
  const inputs = leaves.map((x, i) => inputTensor(x.aval, paths[i]))
  const { result: out, printed } = recordPrints(() => callPure(f, unflatten(tree, inputs) as unknown[], place))
  const outs = [...out.leaves, ...printed.flatMap(({ values }) => values)]
  return {
    ...collect(outs, inputs, name, since),
    outTree: out.tree,
    prints: printed.map(({ print }) => print),
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
  const read = (x: AnyTensor, at: Where = () => undefined): Var => {
    const known = vars.get(x) ?? (x.node.kind === 'array' ? arrays.get(x.node) : undefined)
    if (known) return known
    if (x.node.kind === 'input' && since === 0)
      throw new FoveaError(
        'trace',
        `leaked tracer: a tensor made from the argument '${x.node.label}' of another traced function has no value outside it: pass it as an argument, or return it, and don't store traced tensors outside`,
        at(),
      )
    const v = define(x)
    if (x.node.kind === 'array') arrays.set(x.node, v)
    captured.push(x)
    capturedVars.push(v)
    return v
  }
  for (const node of topological(outs, (n) => n.id < since || n.kind !== 'op' || own.has(n))) {
    if (node.kind !== 'op') continue
    const ins = node.inputs.map((x) => read(x, node.where))
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
  const outputs = outs.map((x) => read(x))
  return { fn: { name, inputs: [...inputVars, ...capturedVars], eqns, outputs }, captured }
}
