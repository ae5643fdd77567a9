import { createCalls } from './calls.js'
import { type Engine, type Events, initialPages, pageBytes } from './engine.js'
import type { Host } from './host.js'
import { stampsSource } from './stamps.js'

/**
 * What the one thread of `startSingle` runs. It does what messages say, in their order, and owns the memory:
 *   { load, id, timed } { unload }             a program's module, by number; timed: with a kernel more, that stamps times
 *   { write, address } { read, address }       bytes, and how many; it answers with { bytes }
 *   { grow }                                   pages; it answers with { grown }
 *   { run, table, address, first, count, base, scratch }   a module's number, and the table's words; it answers with { ran }
 */
const source = `'use strict'
const port = typeof require === 'function' ? require('node:worker_threads').parentPort : self
const memory = new WebAssembly.Memory({ initial: ${initialPages}, maximum: 65536 })
const runs = new Map()
${stampsSource}

port.onmessage = ({ data }) => {
  try {
    handle(data)
  } catch (err) {
    port.postMessage({ error: String(err), stack: String(err.stack), module: data.run })
  }
}
function handle({ load, id, timed, unload, write, read, address, grow, run, table, first, count, base, scratch }) {
  if (load) {
    const exported = new WebAssembly.Instance(load, { env: { memory } }).exports
    if (timed) addStamps(exported.table, memory)
    runs.set(id, exported.run)
  } else if (unload !== undefined) runs.delete(unload)
  else if (write) new Uint8Array(memory.buffer).set(write, address)
  else if (read !== undefined) {
    const bytes = memory.buffer.slice(address, address + read)
    port.postMessage({ bytes }, [bytes])
  } else if (grow) port.postMessage({ grown: tryGrow(grow) })
  else {
    new Int32Array(memory.buffer, address).set(table)
    runs.get(run)(first, count, base, scratch)
    port.postMessage({ ran: true })
  }
}
function tryGrow(pages) {
  try {
    memory.grow(pages)
    return true
  } catch {
    return false
  }
}
`

/** One thread with a memory of its own, for hosts that share none: all goes to it as messages. */
export function startSingle(host: Host, { settle, failed }: Events): Engine {
  const thread = host.start(source, heard, failed)
  /** Who waits for an answer; they come in order. */
  const waiting: ((answer: any) => void)[] = []
  const calls = createCalls(hold, settle)
  let base = 0
  let modules = 0
  let ending: Promise<unknown> | undefined

  function heard(message: any): void {
    if (message.error) failed(message.error, message.stack, message.module)
    else if (message.ran) calls.complete(calls.completed + 1)
    else waiting.shift()!(message)
    hold()
  }
  function hold(): void {
    thread.hold(waiting.length > 0 || calls.completed < calls.submitted)
  }
  const ask = <T>(message: unknown): Promise<T> =>
    new Promise((resolve) => {
      waiting.push(resolve)
      hold()
      thread.post(message)
    })

  return {
    threads: 1,
    calls,
    limit: 65536 * pageBytes,
    grow: async (bytes) => (await ask<{ grown: boolean }>({ grow: bytes / pageBytes })).grown,
    write(address, bytes) {
      const write = bytes.slice()
      thread.post({ write, address }, [write.buffer])
    },
    read: async (address, bytes) => (await ask<{ bytes: ArrayBuffer }>({ read: bytes, address })).bytes,
    table: (_address, bytes) => new Int32Array(bytes / 4),
    load(module, timed) {
      thread.post({ load: module, id: modules, timed })
      return modules++
    },
    unload: (id) => thread.post({ unload: id }),
    submit({ module, table, address, first, count, scratch }) {
      calls.add()
      thread.post({ run: module, table, address, first, count, base, scratch })
      base = (base + count) | 0
    },
    left: () => true,
    end: () => (ending ??= thread.end()),
  }
}
