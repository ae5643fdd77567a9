import type { Target } from '../ir/program.js'
import type { Group, Grouping } from '../pass/group.js'
import type { Lowered } from './build.js'
import { lowerLoops } from './loops.js'
import { lowerMatmul } from './matmul.js'
import { lowerScatter } from './scatter.js'

/** A group as a kernel. */
export function lower(grouping: Grouping, g: Group, target: Target): Lowered {
  if (g.kind === 'loops') return lowerLoops(grouping, g, target)
  return g.anchors[0].op === 'scatterAdd' ? lowerScatter(grouping, g, target) : lowerMatmul(grouping, g, target)
}
