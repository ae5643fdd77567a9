/** Runs at most `most` of the tasks given to it at a time, in the order given. */
export function limiter(most: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: (() => void)[] = []
  return async (task) => {
    if (running < most) running++
    else await new Promise<void>((start) => waiting.push(start))
    try {
      return await task()
    } finally {
      // A place passes straight to the next in line, so nobody can slip in between.
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
