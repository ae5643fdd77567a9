import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { compile } from '../../compiler/compile.js'
import { showPlan } from '../../compiler/pass/show-plan.js'
import { traceFn } from '../../compiler/trace/collect.js'
import { flatten } from '../../compiler/trace/tree.js'
import { destroyDevice } from '../../runtime/device.js'
import { target } from '../golden/target.js'
import { entries, root } from './entries.js'
import { blocksOf } from './extract.js'
import { type Names, runExample } from './run.js'

afterAll(destroyDevice)

/** SwiftShader's limits: the plan is then the same on every machine. */

test("the README's plan is the plan of its program; paste the new one when they differ", async () => {
  const modules: Record<string, Names> = {}
  for (const [name, source] of Object.entries(entries)) modules[name] = await import(join(root, source))
  const calls: { f: (...args: unknown[]) => unknown; args: unknown[]; name: string }[] = []
  const { jit } = modules.fovea as { jit: (f: unknown, options: unknown) => (...args: unknown[]) => unknown }
  const spy = (f: (typeof calls)[0]['f'], options: { name: string }) => {
    const jitted = jit(f, options)
    return (...args: unknown[]) => {
      calls.push({ f, args, name: options.name })
      return jitted(...args)
    }
  }
  const [block] = blocksOf(root, 'README.md')
  await runExample(block, {}, { ...modules, fovea: { ...modules.fovea, jit: spy } })

  const [{ f, args, name }] = calls
  // What `donate: [0, 1]` comes to: the leaves of the parameters and the optimiser's state.
  const donated = new Set(flatten(args.slice(0, 2)).leaves.keys())
  const text = showPlan(compile(traceFn(f, args, name, true).fn, target, { donated }))
  // The table of the peak names files of this machine.
  const [plan] = text.split('\n  at the peak')
  const blocks = readFileSync(join(root, 'README.md'), 'utf8').match(/```text\nplan step[\s\S]*?```/)
  expect(blocks?.[0]).toBe(`\`\`\`text\n${plan}\n\`\`\``)
})
