import type { Host } from './host.js'

export const host: Host = {
  cores: navigator.hardwareConcurrency || 1,
  processor: 'CPU',
  architecture: '',
  start(script, heard, ended) {
    const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }))
    const worker = new Worker(url)
    worker.onmessage = ({ data }) => heard(data)
    worker.onerror = ({ message }) => ended(message || 'a thread could not start')
    return {
      post: (message, transfer) => worker.postMessage(message, [...(transfer ?? [])]),
      hold() {},
      async end() {
        worker.terminate()
        URL.revokeObjectURL(url)
      },
    }
  },
}
