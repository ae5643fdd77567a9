import { expect, test } from 'vitest'
import '../../compiler/ops/index.js'
import { interpret } from '../../compiler/interpret/interpret.js'
import * as p from '../../compiler/ops/prim.js'
import { expand } from '../../compiler/pass/expand.js'
import { target } from '../golden/target.js'
import { array, traced } from './lang-run.js'

const [rows, count, width] = [300, 4000, 3]
const ids = array(
  [count],
  Array.from({ length: count }, (_, i) => ((i * 7919) % (rows + 20)) - 10),
  'i32',
)
const updates = array(
  [count, width],
  Array.from({ length: count * width }, (_, i) => ((i * 104729) % 1009) / 1009 + 0.5),
)

test('where ids are many an adapter sorts them, and each row has its own in their order', () => {
  for (const scatter of [p.scatterAdd, p.segmentProd, p.segmentMax, p.segmentMin]) {
    const fn = traced((i, u) => scatter(i, u, rows), [ids, updates])
    const sorted = expand(fn, target)
    expect(sorted.eqns.some((q) => q.op === 'sortedSegments')).toBe(true)
    expect(expand(fn, { ...target, class: 'cpu' })).toEqual(fn)
    expect(interpret(sorted, [ids, updates])).toEqual(interpret(fn, [ids, updates]))
  }
  const few = traced((i, u) => p.scatterAdd(i, u, 3), [ids, updates])
  expect(expand(few, target)).toEqual(few)
})
