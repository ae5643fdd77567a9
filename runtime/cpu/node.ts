import { availableParallelism, cpus } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Host } from './host.js'

export const host: Host = {
  cores: availableParallelism(),
  processor: cpus()[0]?.model.trim() || 'CPU',
  architecture: process.arch,
  start(script, heard, ended) {
    // Bare: options of the process, such as loaders, would have every thread load what it doesn't need.
    const worker = new Worker(script, { eval: true, execArgv: [], env: {}, name: 'fovea' })
    worker.on('message', heard)
    worker.on('error', (err) => ended(err instanceof Error ? err.message : String(err)))
    worker.on('exit', (status) => ended(`a thread ended with status ${status}`))
    // Last: a listener holds the process again.
    worker.unref()
    return {
      post: (message, transfer) => worker.postMessage(message, transfer),
      hold: (busy) => (busy ? worker.ref() : worker.unref()),
      async end() {
        await worker.terminate()
      },
    }
  },
}
