import { FoveaError } from '../compiler/trace/error.js'
import type { Device, DeviceInfo } from './device.js'

/**
 * 'cpu' runs WebAssembly on the processor; 'hardware' is a GPU. The others are adapters that a processor runs: 'software'
 * is one that is neither Mesa's lavapipe nor SwiftShader, such as Windows' WARP.
 */
export type DeviceKind = 'hardware' | 'cpu' | 'lavapipe' | 'swiftshader' | 'software'

export const deviceNames = ['gpu', 'cpu', 'lavapipe', 'swiftshader'] as const
export type DeviceName = (typeof deviceNames)[number]

/** A device that can be opened. `onLost` runs when it is lost or destroyed. */
export interface Found {
  readonly info: DeviceInfo
  open(onLost: () => void): Promise<Device>
}

/** One way to a device: what was found, or why there is none. */
export interface Candidate {
  readonly name: DeviceName
  readonly found?: Found
  readonly reason?: string
}

export const isNode = (): boolean => typeof process !== 'undefined' && Boolean(process.versions?.node)

/** What to install for each kind of device that was not found. */
export function advice(name: DeviceName): string {
  if (!isNode() && name === 'gpu')
    return 'a browser with WebGPU: Chrome or Edge 113, Safari 26, Firefox 141 or later, on https or localhost'
  return {
    gpu: `a GPU: install its driver (on Linux with Vulkan 1.1 or later and libvulkan1)`,
    cpu: `the CPU: an engine with WebAssembly SIMD (Node 20, Chrome or Edge 91, Firefox 89, Safari 16.4 or later)`,
    lavapipe: `lavapipe: install Mesa's Vulkan drivers, version 23 or later (mesa-vulkan-drivers)`,
    swiftshader: 'SwiftShader: npm i @sparticuz/chromium@147 (linux x64)',
  }[name]
}

/**
 * Chooses the device that programs run on: a GPU if there is one, else the CPU. In Node the environment variable
 * FOVEA_DEVICE asks for one and no other: gpu, cpu, lavapipe or swiftshader (GPUs in software: slow, for tests).
 * Throws FoveaError 'no-adapter' that says what was looked for and what to install, and 'input' for an unknown name.
 *
 * @example
 * const { info } = await chooseDevice()
 */
export async function chooseDevice(): Promise<Found> {
  const tried: Candidate[] = []
  for (const name of wantedNames()) {
    const candidate = await look(name)
    if (candidate.found) return candidate.found
    tried.push(candidate)
  }
  const looked = tried.map((c) => `  ${c.name}: ${c.reason}`).join('\n')
  const install = tried.map((c) => `  ${advice(c.name)}`).join('\n')
  throw new FoveaError('no-adapter', `no device to run on. Looked for:\n${looked}\nOne of these helps:\n${install}`)
}

/** Looks for every kind of device that there is on this host, for reports. */
export async function allCandidates(): Promise<Candidate[]> {
  const found: Candidate[] = []
  for (const name of isNode() ? deviceNames : (['gpu', 'cpu'] as const))
    found.push(await look(name).catch((err) => ({ name, reason: err instanceof Error ? err.message : String(err) })))
  return found
}

function wantedNames(): readonly DeviceName[] {
  const wanted = isNode() ? process.env.FOVEA_DEVICE : undefined
  if (!wanted) return ['gpu', 'cpu']
  const name = deviceNames.find((n) => n === wanted)
  if (!name)
    throw new FoveaError(
      'input',
      `FOVEA_DEVICE: expected ${deviceNames.join(', ')} or nothing, got '${wanted}'; unset it to take the best there is`,
    )
  return [name]
}

/** Looks for one kind of device. What it needs is loaded now. */
export async function look(name: DeviceName): Promise<Candidate> {
  if (name === 'cpu') return (await import('./cpu/find.js')).findCpu()
  if (isNode()) return (await import('./dawn/find.js')).findAdapter(name)
  return (await import('./webgpu/browser.js')).findBrowserGpu()
}
