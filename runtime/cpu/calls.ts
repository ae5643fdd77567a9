/** The calls given to threads, numbered from 0. They end in this order. */
export interface Calls {
  /** How many were submitted, and how many of them are finished. */
  readonly submitted: number
  readonly completed: number
  /** One more was submitted. */
  add(): void
  /** All below this number are finished. */
  complete(number: number): void
  /** Resolves when all that were submitted by now are finished. */
  finished(): Promise<void>
}

/** `hold` is told when there begin and cease to be unfinished calls; `settle` runs after some have ended. */
export function createCalls(hold: (busy: boolean) => void, settle: () => void): Calls {
  const waiting: { readonly number: number; readonly resolve: () => void }[] = []
  const calls = {
    submitted: 0,
    completed: 0,
    add() {
      if (calls.submitted++ === calls.completed) hold(true)
    },
    complete(number: number) {
      if (number <= calls.completed) return
      calls.completed = number
      settle()
      while (waiting.length > 0 && waiting[0].number <= number) waiting.shift()!.resolve()
      if (calls.submitted === number) hold(false)
    },
    finished() {
      const number = calls.submitted
      if (number === calls.completed) return Promise.resolve()
      return new Promise<void>((resolve) => waiting.push({ number, resolve }))
    },
  }
  return calls
}
