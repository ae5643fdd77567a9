import { findAdapter } from '../../../runtime/dawn/find.js'
import { createGpu } from '../../../runtime/dawn/gpu.js'
import { createNaps } from '../../../runtime/dawn/nap.js'

type Adapter = 'gpu' | 'lavapipe' | 'swiftshader'

/** Makes the adapter that PEER_GPU names known to this process's Vulkan loader. */
export async function addAdapter(): Promise<Adapter> {
  const name = process.env.PEER_GPU as Adapter
  const { found, reason } = await findAdapter(name)
  if (!found) throw new Error(`no adapter: ${reason}`)
  return name
}

/**
 * A browser's `navigator.gpu` through Dawn, for libraries that want one: the adapter that PEER_GPU names (gpu, lavapipe or swiftshader). On
 * adapters that run on the CPU waits nap as Fovea's do, or Dawn's polling would take a core from whoever waits.
 */
export async function browserGpu(): Promise<void> {
  const name = await addAdapter()
  const gpu = await createGpu({ gpu: undefined, lavapipe: 'llvmpipe', swiftshader: 'SwiftShader' }[name])
  const { globals } = await import('webgpu')
  Object.assign(globalThis, globals)
  const navigator = { gpu, hardwareConcurrency: 2, userAgent: 'node', platform: 'linux' }
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true })
  if (name === 'gpu') return
  const napping = createNaps()
  const nap = (prototype: any, method: string): void => {
    const wait = prototype[method]
    prototype[method] = function (...args: unknown[]) {
      const promise = wait.apply(this, args)
      napping(promise)
      return promise
    }
  }
  nap(GPUBuffer.prototype, 'mapAsync')
  nap(GPUQueue.prototype, 'onSubmittedWorkDone')
}
