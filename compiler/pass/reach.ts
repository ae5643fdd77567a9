/**
 * Which nodes of a growing acyclic graph reach which. A node's level is above the levels of all it points to, so a search
 * looks only at nodes above the one it looks for.
 */
export function reachability() {
  const to: Set<number>[] = []
  const from: Set<number>[] = []
  const level: number[] = []
  return {
    /** Adds an edge; `on` must not reach `node`. */
    add(node: number, on: number): void {
      ;(to[node] ??= new Set()).add(on)
      ;(from[on] ??= new Set()).add(node)
      level[on] ??= 0
      level[node] = Math.max(level[node] ?? 0, level[on] + 1)
      for (const stack = [node]; stack.length; ) {
        const x = stack.pop()!
        for (const above of from[x] ?? [])
          if (level[above] <= level[x]) {
            level[above] = level[x] + 1
            stack.push(above)
          }
      }
    },
    reaches(node: number, on: number): boolean {
      const floor = level[on] ?? 0
      const seen = new Set([node])
      for (const x of seen) {
        if (x === on) return true
        for (const below of to[x] ?? []) if (below === on || level[below] > floor) seen.add(below)
      }
      return false
    },
  }
}
