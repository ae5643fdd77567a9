import { control } from './control.js'
import { stampsSource } from './stamps.js'

/**
 * What a worker thread runs, in Node and in a browser: text, so that it needs no file of its own, whatever bundles or
 * transpiles this one. Messages to it:
 *   { memory, thread }    first: the memory that all share, and the thread's number
 *   { module, id, timed } a program's module, for calls that name the id; timed: with a kernel more, that stamps times
 *   { forget }            no call names this id any more
 * It sends 'done' when it finished a call, and { error, stack, module } when a kernel fails; its pool then ends.
 *
 * It sleeps in Atomics.wait, from which the bell wakes it sooner than a message would, and goes back to its event loop only
 * for messages. A call for which it is late, because others finished it, is passed over. The order of the accesses makes
 * that safe: it says which call it is at, reads that call's line, and then looks whether the line is the call's still and
 * whether the call is unfinished. The pool reuses a call's memory once the call is finished and no thread says it's there.
 */
export const workerSource = `'use strict'
const port = typeof require === 'function' ? require('node:worker_threads').parentPort : self
const { progress, bell, posted, queued, at, calls, ring, line } = ${JSON.stringify(control)}
${stampsSource}
const runs = new Map()
let memory, words, thread, module
let received = 0
let current = 0

port.onmessage = ({ data }) => {
  try {
    if (data.memory) {
      ;({ memory, thread } = data)
      words = new Int32Array(memory.buffer)
    } else {
      received = (received + 1) | 0
      if (data.module) {
        const { run, table } = new WebAssembly.Instance(data.module, { env: { memory } }).exports
        if (data.timed) addStamps(table, memory)
        runs.set(data.id, run)
      } else runs.delete(data.forget)
    }
    work()
  } catch (err) {
    port.postMessage({ error: String(err), stack: String(err.stack), module })
  }
}

/** Until there is a message. A module is posted before the calls that name it, so it's here when they are run. */
function work() {
  for (;;) {
    const heard = Atomics.load(words, bell)
    const waiting = current !== Atomics.load(words, queued)
    if (received !== Atomics.load(words, posted)) return
    if (waiting) attend()
    else Atomics.wait(words, bell, heard)
  }
}

/** Helps with the call it is at, if that is unfinished. */
function attend() {
  Atomics.store(words, at + line * thread, current)
  const call = calls + line * (current & (ring - 1))
  const first = Atomics.load(words, call + 1)
  const count = Atomics.load(words, call + 2)
  const base = Atomics.load(words, call + 3)
  module = Atomics.load(words, call + 4)
  const scratch = Atomics.load(words, call + 5) + thread * Atomics.load(words, call + 6)
  const mine = Atomics.load(words, call) === current
  const unfinished = ((Atomics.load(words, progress) - base - count) | 0) < 0
  if (mine && unfinished && runs.get(module)(first, count, base, scratch)) port.postMessage('done')
  current = (current + 1) | 0
  Atomics.store(words, at + line * thread, current)
}
`
