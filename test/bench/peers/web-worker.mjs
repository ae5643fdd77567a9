import { createRequire, syncBuiltinESMExports } from 'node:module'
import os from 'node:os'
import threads from 'node:worker_threads'

/**
 * A browser's Worker, for libraries that would else run on one thread in Node. Both make workers of Blobs' URLs: jax-js where there
 * is a global Worker; tfjs through node:worker_threads, once told that threads are supported.
 */
const require = createRequire(import.meta.url)
const sources = new Map()
globalThis.Blob = class extends Blob {
  constructor(parts, options) {
    super(parts, options)
    this.source = parts.join('')
  }
}
URL.createObjectURL = (blob) => {
  const url = `blob:${sources.size}`
  sources.set(url, blob.source)
  return url
}
URL.revokeObjectURL = () => {}

const { Worker: NodeWorker } = threads
const self = `
  const { parentPort } = require('node:worker_threads')
  Object.assign(globalThis, { self: globalThis, postMessage: (m) => parentPort.postMessage(m) })
  parentPort.on('message', (data) => self.onmessage({ data }));`

export class WebWorker extends NodeWorker {
  constructor(url, options) {
    const source = sources.get(url)
    // Emscripten's workers know Node by themselves.
    const web = source !== undefined && !source.includes('parentPort')
    super(source === undefined ? url : (web ? self : '') + source, { ...options, eval: source !== undefined })
    this.unref()
    if (!web) return
    this.on('message', (data) => this.onmessage?.({ data }))
    this.on('error', (error) => this.onerror?.(error))
  }
  postMessage(message, transfer) {
    // tfjs passes its main script as a Blob, which Emscripten's worker can't read in Node; the same script is a file.
    const script = message?.urlOrBlob && '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.js'
    super.postMessage(script ? { ...message, urlOrBlob: require.resolve(script) } : message, transfer)
  }
}

/** Workers in Node as in a browser, for a library that is imported afterwards and should use n threads. */
export function browserWorkers(n) {
  globalThis.Worker = threads.Worker = WebWorker
  Object.defineProperty(globalThis, 'navigator', { value: { hardwareConcurrency: n }, configurable: true })
  // tfjs takes half the processors at most.
  const [cpu] = os.cpus()
  os.cpus = () => Array.from({ length: 2 * n }, () => cpu)
  syncBuiltinESMExports()
}
