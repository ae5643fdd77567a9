import { afterAll, describe, expect, test, vi } from 'vitest'
import { passes as pipeline } from '../../compiler/compile.js'
import { builder } from '../../compiler/ir/build.js'
import type { Fn } from '../../compiler/ir/types.js'
import '../../compiler/ops/index.js'
import { type JvpRule, type OpRecord, op, opOf } from '../../compiler/ops/op.js'
import * as p from '../../compiler/ops/prim.js'
import { bind1 } from '../../compiler/trace/tensor.js'
import { destroyDevice, getDevice } from '../../runtime/device.js'
import { batching, type Check, derivatives, onDevice, passes } from '../../stdlib/testing/fuzz/checks.js'
import { type Finding, fuzz } from '../../stdlib/testing/fuzz/fuzz.js'
import { languageOps } from '../../stdlib/testing/fuzz/generate.js'

/** Faults planted in the compiler, each of which the fuzzer must find, and show in a few equations. */
afterAll(destroyDevice)
vi.setConfig({ testTimeout: 300_000 })

const right = languageOps()

async function found(checks: readonly Check[], ops: readonly OpRecord[] = right): Promise<Finding> {
  const { finding, programs } = await fuzz({ seed: 1, count: 400, checks, ops })
  if (!finding) expect.fail(`not found in ${programs} programs`)
  expect(finding.program.fn.eqns.length).toBeLessThanOrEqual(4)
  // The seed replays it.
  const again = await fuzz({ seed: finding.seed, count: 1, checks, ops })
  expect(again.finding).toEqual(finding)
  return finding
}

describe('passes', () => {
  /** The compiler's passes, with one more in front or one replaced. */
  const pipelineWith = (name: string, wrong: (fn: Fn) => Fn): Check[] =>
    passes(pipeline.map(([own, pass]) => [own, own === name ? wrong : pass] as const))

  test('a rule with a wrong sign: x - y is x + y', async () => {
    const wrong = (fn: Fn): Fn => ({ ...fn, eqns: fn.eqns.map((q) => (q.op === 'sub' ? { ...q, op: 'add' } : q)) })
    await found(pipelineWith('narrow', wrong))
  })

  test('common subexpressions that differ in their params', async () => {
    const wrong = (fn: Fn): Fn => {
      const b = builder(fn)
      const seen = new Map<string, (typeof fn.eqns)[0]>()
      for (const original of fn.eqns) {
        const eqn = b.update(original)
        const key = `${eqn.op} ${eqn.inputs.map((v) => v.id)} ${JSON.stringify(eqn.outputs.map((v) => v.aval))}`
        const first = eqn.inputs.length ? seen.get(key) : undefined
        if (first)
          eqn.outputs.forEach((v, i) => {
            b.replace(v, first.outputs[i])
          })
        else {
          seen.set(key, eqn)
          b.push(eqn)
        }
      }
      return b.finish()
    }
    await found(pipelineWith('cse', wrong))
  })

  test('dead code that is not: an operand of a select', async () => {
    const wrong = (fn: Fn): Fn => ({
      ...fn,
      eqns: fn.eqns.map((q) => (q.op === 'select' ? { ...q, inputs: [q.inputs[0], q.inputs[1], q.inputs[1]] } : q)),
    })
    await found(pipelineWith('dce', wrong))
  })
})

describe('records', () => {
  /** All ops, with one replaced by a wrong copy, which goes by another name. */
  const opsWith = (name: string, wrong: (record: OpRecord) => Partial<OpRecord>): OpRecord[] => {
    const mutant = op({ ...opOf(name), ...wrong(opOf(name)), name: `wrong${name}` })
    return right.map((record) => (record.name === name ? mutant : record))
  }
  test('half a derivative', async () => {
    const wrong = opsWith('tanh', ({ jvp }) => ({
      jvp: (c) => (jvp as JvpRule)(c).map((t) => t && p.mul(t, p.like(t, 0.5))),
    }))
    expect((await found([derivatives], wrong)).message).toContain('finite differences')
  })

  test('a transpose that forgets a sign', async () => {
    const wrong = opsWith('sub', () => ({
      jvp: ({ tangents: [ta, tb], outs: [y] }) => [bind1(opOf('wrongsub'), [ta ?? p.like(y, 0), tb ?? p.like(y, 0)])],
      transpose: ({ cotangents: [ct], linear }) => linear.map((on) => (on ? ct : null)),
    }))
    expect((await found([derivatives], wrong)).message).toContain('⟨J v, w⟩')
  })

  test('a batch rule that forgets the axis in front', async () => {
    const wrong = opsWith('reverse', () => ({
      batch: ({ inputs: [x], params }) => [p.reverse(x, params.axes as number[])],
    }))
    await found([batching], wrong)
  })

  test("an index that is one off, in a slice's kernel", async () => {
    const wrong = opsWith('slice', ({ kernel }) => ({
      kernel: {
        ...(kernel as Extract<typeof kernel, { kind: 'map' }>),
        strides: undefined,
        value: ({ e, read, index, params, ins: [x] }) =>
          read(
            0,
            index.map((i, d) => {
              const [start, stride] = [params.start as number[], params.stride as number[]]
              return e.call('min', 'u32', [
                e.iadd(e.imul(i, stride[d]), e.index(start[d] && start[d] - 1)),
                e.index(x.shape[d] - 1),
              ])
            }),
          ),
      },
    }))
    await found(onDevice(await getDevice()), wrong)
  })
})
