import { FoveaError } from '../compiler/trace/error.js'

/** 'software' is a CPU-run adapter that is neither Mesa's lavapipe nor SwiftShader, such as Windows' WARP. */
export type DeviceKind = 'hardware' | 'lavapipe' | 'swiftshader' | 'software'

/** One way to a device: the adapter, or why there is none. */
export interface Candidate {
  readonly name: 'gpu' | 'lavapipe' | 'swiftshader' | 'browser'
  readonly adapter?: GPUAdapter
  readonly kind?: DeviceKind
  readonly reason?: string
}

export interface Choice {
  readonly adapter: GPUAdapter
  readonly kind: DeviceKind
  readonly backend: string
}

const names = ['gpu', 'lavapipe', 'swiftshader'] as const

export const isNode = (): boolean => typeof process !== 'undefined' && Boolean(process.versions?.node)

/** What to install for each kind of device that was not found. */
export const advice: Record<Candidate['name'], string> = {
  gpu: `a GPU: install its driver (on Linux with Vulkan 1.1 or later and libvulkan1)`,
  lavapipe: `lavapipe: install Mesa's Vulkan drivers, version 23 or later (mesa-vulkan-drivers)`,
  swiftshader: 'SwiftShader: npm i @sparticuz/chromium@147 (linux x64)',
  browser: 'a browser with WebGPU: Chrome or Edge 113, Safari 26, Firefox 141 or later, on https or localhost',
}

/**
 * Chooses the adapter that programs run on. In Node the environment variable FOVEA_DEVICE names it: gpu, lavapipe or
 * swiftshader; unset, the first that is found in this order. In a browser it is what navigator.gpu gives.
 * Throws FoveaError 'no-adapter' that says what was looked for and what to install, and 'input' for an unknown name.
 *
 * @example
 * const { adapter, kind } = await chooseDevice()
 */
export async function chooseDevice(): Promise<Choice> {
  const tried: Candidate[] = []
  for await (const candidate of candidates(wantedNames())) {
    if (candidate.adapter && candidate.kind)
      return { adapter: candidate.adapter, kind: candidate.kind, backend: backend() }
    tried.push(candidate)
  }
  const looked = tried.map((c) => `  ${c.name}: ${c.reason}`).join('\n')
  const install = tried.map((c) => `  ${advice[c.name]}`).join('\n')
  throw new FoveaError('no-adapter', `no device to run on. Looked for:\n${looked}\nOne of these helps:\n${install}`)
}

/** Looks for every kind of device, for reports. */
export async function allCandidates(): Promise<Candidate[]> {
  const found: Candidate[] = []
  for await (const candidate of candidates(names)) found.push(candidate)
  return found
}

function wantedNames(): readonly (typeof names)[number][] {
  const wanted = isNode() ? process.env.FOVEA_DEVICE : undefined
  if (!wanted) return names
  const name = names.find((n) => n === wanted)
  if (!name)
    throw new FoveaError(
      'input',
      `FOVEA_DEVICE: expected ${names.join(', ')} or nothing, got '${wanted}'; unset it to take the best there is`,
    )
  return [name]
}

async function* candidates(wanted: readonly (typeof names)[number][]): AsyncGenerator<Candidate> {
  if (!isNode()) {
    yield await browserCandidate()
    return
  }
  const { findAdapter } = await import('./dawn/find.js')
  for (const name of wanted) yield await findAdapter(name, wanted.length > 1)
}

async function browserCandidate(): Promise<Candidate> {
  if (!navigator.gpu) return { name: 'browser', reason: 'navigator.gpu is missing' }
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' })
  return adapter
    ? { name: 'browser', adapter, kind: kindOf(adapter) }
    : { name: 'browser', reason: 'navigator.gpu gives no adapter' }
}

/** Tells software adapters by what they say of themselves. */
export function kindOf(adapter: GPUAdapter): DeviceKind {
  const { architecture, device, description, isFallbackAdapter } = adapter.info
  const text = `${architecture} ${device} ${description}`.toLowerCase()
  if (text.includes('swiftshader')) return 'swiftshader'
  if (text.includes('llvmpipe') || text.includes('lavapipe')) return 'lavapipe'
  return isFallbackAdapter ? 'software' : 'hardware'
}

function backend(): string {
  if (!isNode()) return 'browser'
  return process.platform === 'darwin' ? 'metal' : process.platform === 'win32' ? 'd3d12' : 'vulkan'
}
