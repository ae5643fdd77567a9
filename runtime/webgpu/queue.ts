export interface Queue {
  submit(commands: readonly GPUCommandBuffer[]): void
  /** Copies host bytes into a buffer, after everything submitted before and before everything submitted later. */
  write(buffer: GPUBuffer, bytes: Uint8Array<ArrayBuffer>): void
}

/** A write is staged in host memory until the next submit: larger arrays go in parts of this many bytes. */
const writePart = 32 * 2 ** 20

/** The device's queue with its counter. */
export function createQueue(gpu: GPUDevice, stats: { submits: number }): Queue {
  const submit = (commands: readonly GPUCommandBuffer[]): void => {
    gpu.queue.submit(commands)
    stats.submits++
  }
  return {
    submit,
    write(buffer, bytes) {
      for (let at = 0; at < bytes.length; at += writePart) {
        gpu.queue.writeBuffer(buffer, at, bytes, at, Math.min(writePart, bytes.length - at))
        if (bytes.length > writePart) submit([])
      }
    },
  }
}
