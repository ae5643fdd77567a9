import type { Target } from '../ir/program.js'
import { size } from '../ir/types.js'
import type { KernelRule } from '../ops/op.js'
import { kindOf, updateRule } from '../pass/graph.js'
import type { Group, Grouping } from '../pass/group.js'
import { lowerAttention } from './attention.js'
import type { Lowered } from './build.js'
import { lowerCpuAttention } from './cpu/attention.js'
import { lowerCpuCumulative } from './cpu/cumulative.js'
import { lowerCpuLoops } from './cpu/loops.js'
import { lowerCpuMatmul } from './cpu/matmul.js'
import { lowerCpuScatter } from './cpu/scatter.js'
import { lowerCumulative } from './cumulative.js'
import { type LoopShape, loopShape, lowerLoops } from './loops.js'
import { lowerMatmul } from './matmul.js'
import { lowerRadix } from './radix.js'
import { lowerScatter } from './scatter.js'
import { lowerSegments } from './segments.js'

/** A group as a kernel. */
export function lower(grouping: Grouping, g: Group, target: Target): Lowered {
  if (target.class === 'cpu') return lowerForCpu(grouping, g, target)
  if (g.kind === 'loops') {
    const shape = loopShapeOf(grouping, g, target)
    const lowered = lowerLoops(grouping, g, target, shape)
    // A value read both in fours and one by one is bound twice: one by one throughout where that is too many.
    const { length } = lowered.buffers
    const twice = length > new Set(lowered.buffers).size
    if (!twice || length <= target.maxStorageBuffersPerShaderStage) return lowered
    return lowerLoops(grouping, g, target, { ...shape, four: 'none' })
  }
  const own = ownKernels[kindOf(g.anchors[0])]
  return own ? own(grouping, g, target) : lowerMatmul(grouping, g, target)
}

/** A window's last few elements must not be stored with what is beyond them: it is part of the array. */
function loopShapeOf({ graph }: Grouping, g: Group, target: Target): LoopShape {
  const shape = loopShape(g, target)
  const ragged = !g.anchors.length && size(g.full) % 4 !== 0
  const windows = g.stores.some((v) => updateRule(graph.def.get(v)!))
  return ragged && windows ? { ...shape, four: 'none' } : shape
}

function lowerForCpu(grouping: Grouping, g: Group, target: Target): Lowered {
  if (g.kind === 'loops') return lowerCpuLoops(grouping, g)
  const own = ownCpuKernels[kindOf(g.anchors[0])]
  return own ? own(grouping, g, target) : lowerCpuMatmul(grouping, g, target)
}

/** Strategies by the kind of an equation with a kernel of its own; products have the others. */
const ownKernels: Partial<Record<KernelRule['kind'], typeof lowerScatter>> = {
  attention: lowerAttention,
  scatter: lowerScatter,
  segments: lowerSegments,
  cumulative: lowerCumulative,
  digitCounts: lowerRadix,
  digitSort: lowerRadix,
}
const ownCpuKernels: Partial<Record<KernelRule['kind'], typeof lowerScatter>> = {
  attention: lowerCpuAttention,
  scatter: lowerCpuScatter,
  segments: lowerSegments,
  cumulative: lowerCpuCumulative,
  digitCounts: lowerRadix,
  digitSort: lowerRadix,
}
