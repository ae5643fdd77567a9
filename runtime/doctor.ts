import { advice, allCandidates, chooseDevice, isNode } from './choose.js'
import { type DeviceInfo, infoOf } from './device.js'

export interface DoctorReport {
  readonly platform: string
  readonly runtime: string
  /** What FOVEA_DEVICE asks for, '' when unset. */
  readonly wanted: string
  readonly candidates: readonly {
    readonly name: string
    readonly found: boolean
    /** The adapter, or why there is none. */
    readonly detail: string
  }[]
  /** What programs would run on; limits are those of the adapter. */
  readonly chosen?: DeviceInfo
  readonly advice: readonly string[]
}

/**
 * Looks at the machine: every kind of device, found or why not, which one would be taken, and what would help.
 * Plain data; opens no device and never throws for a missing one.
 *
 * @example
 * console.log(JSON.stringify(await inspect(), null, 2))
 */
export async function inspect(): Promise<DoctorReport> {
  const wanted = isNode() ? (process.env.FOVEA_DEVICE ?? '') : ''
  const hints: string[] = []
  let chosen: DeviceInfo | undefined
  try {
    const choice = await chooseDevice()
    chosen = infoOf(choice, choice.adapter)
  } catch (err) {
    hints.push(err instanceof Error ? err.message : String(err))
  }
  const candidates = await allCandidates()
  if (chosen && chosen.kind !== 'hardware')
    hints.push(`programs run on the CPU (${chosen.description}), many times slower than on ${advice.gpu}`)
  if (chosen?.kind === 'swiftshader' && !candidates.some((c) => c.name === 'lavapipe' && c.adapter))
    hints.push(`without a GPU, lavapipe is often faster than SwiftShader. ${advice.lavapipe}`)
  if (chosen && chosen.limits.maxStorageBuffersPerShaderStage < 10)
    hints.push('the adapter binds fewer than 10 buffers: programs are cut into more kernels')
  return {
    platform: isNode() ? `${process.platform} ${process.arch}` : 'browser',
    runtime: isNode() ? `node ${process.versions.node}` : navigator.userAgent,
    wanted,
    candidates: candidates.map(({ name, adapter, kind, reason }) => ({
      name,
      found: adapter !== undefined,
      detail: adapter ? `${adapter.info.description || adapter.info.device} (${kind})` : (reason ?? ''),
    })),
    chosen,
    advice: hints,
  }
}
