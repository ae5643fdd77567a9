import { createCalls } from './calls.js'
import { callWords, control } from './control.js'
import { type Engine, type Events, initialPages, pageBytes } from './engine.js'
import type { Host, Thread } from './host.js'
import { workerSource } from './worker.js'

/** A pool of threads that share a memory with the thread that opens it. */
export function startThreads(host: Host, count: number, { settle, failed }: Events): Engine {
  const { memory, limit } = reserveMemory()
  const words = new Int32Array(memory.buffer)
  const bytesAt = (address: number, bytes: number): Uint8Array => new Uint8Array(memory.buffer, address, bytes)
  const calls = createCalls((busy) => threads[0].hold(busy), settle)
  /** `progress` when the unfinished calls are finished, in their order. */
  const ends: number[] = []
  let last = 0
  let modules = 0
  let ending: Promise<unknown> | undefined

  const threads = Array.from({ length: count }, (_, thread): Thread => {
    const started = host.start(workerSource, heard, failed)
    started.post({ memory, thread })
    return started
  })
  function heard(message: 'done' | { error: string; stack: string; module: number }): void {
    if (message !== 'done') failed(message.error, message.stack, message.module)
    const now = Atomics.load(words, control.progress)
    let ended = 0
    while (ended < ends.length && ((now - ends[ended]) | 0) >= 0) ended++
    ends.splice(0, ended)
    calls.complete(calls.completed + ended)
  }
  const ring = (): void => {
    Atomics.add(words, control.bell, 1)
    Atomics.notify(words, control.bell)
  }
  const post = (message: unknown): void => {
    for (const thread of threads) thread.post(message)
    Atomics.add(words, control.posted, 1)
    ring()
  }

  return {
    threads: count,
    calls,
    limit,
    async grow(bytes) {
      try {
        memory.grow(bytes / pageBytes)
        return true
      } catch {
        return false
      }
    },
    write: (address, bytes) => bytesAt(address, bytes.length).set(bytes),
    async read(address, bytes) {
      await calls.finished()
      const copy = new Uint8Array(bytes)
      copy.set(bytesAt(address, bytes))
      return copy.buffer
    },
    table: (address, bytes) => new Int32Array(memory.buffer, address, bytes / 4),
    load(module, timed) {
      const id = modules++
      post({ module, id, timed })
      return id
    },
    unload: (id) => post({ forget: id }),
    submit({ module, first, count, scratch, stride }) {
      const number = calls.submitted
      const at = control.calls + control.line * (number & (control.ring - 1))
      const values = { number, first, count, base: last, module, scratch, stride }
      for (const [i, name] of callWords.entries()) Atomics.store(words, at + i, values[name])
      last = (last + count) | 0
      ends.push(last)
      calls.add()
      Atomics.store(words, control.queued, calls.submitted)
      ring()
    },
    left(call) {
      for (let i = 0; i < count; i++)
        if (Atomics.load(words, control.at + control.line * i) === (call | 0)) return false
      return true
    },
    end: () => (ending ??= Promise.all(threads.map((thread) => thread.end()))),
  }
}

/** Room for 4 GiB, or for less where the system limits a process's addresses. Pages are taken when they are first used. */
function reserveMemory(): { memory: WebAssembly.Memory; limit: number } {
  for (let maximum = 65536; ; maximum /= 2) {
    try {
      return {
        memory: new WebAssembly.Memory({ initial: initialPages, maximum, shared: true }),
        limit: maximum * pageBytes,
      }
    } catch (err) {
      if (maximum / 2 < initialPages) throw err
    }
  }
}
