import { advice, allCandidates, chooseDevice, isNode } from './choose.js'
import type { DeviceInfo } from './device.js'

export interface DoctorReport {
  readonly platform: string
  readonly runtime: string
  /** What FOVEA_DEVICE asks for, '' when unset. */
  readonly wanted: string
  readonly candidates: readonly {
    readonly name: string
    readonly found: boolean
    /** The device, or why there is none. */
    readonly detail: string
  }[]
  /** What programs would run on; limits are those of the adapter. */
  readonly chosen?: DeviceInfo
  readonly advice: readonly string[]
  /** Where compiled programs are kept, and how many there are; absent when they are not. */
  readonly cache?: { readonly folder: string; readonly entries: number; readonly bytes: number }
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
    chosen = (await chooseDevice()).info
    hints.push(...hintsFor(chosen))
  } catch (err) {
    hints.push(err instanceof Error ? err.message : String(err))
  }
  const candidates = await allCandidates()
  return {
    platform: isNode() ? `${process.platform} ${process.arch}` : 'browser',
    runtime: isNode() ? `node ${process.versions.node}` : navigator.userAgent,
    wanted,
    candidates: candidates.map(({ name, found, reason }) => ({
      name,
      found: found !== undefined,
      detail: found ? `${found.info.description} (${found.info.kind})` : (reason ?? ''),
    })),
    chosen,
    advice: hints,
    cache: isNode() ? await keptPrograms() : undefined,
  }
}

async function keptPrograms(): Promise<DoctorReport['cache']> {
  const folder = (await import('./cache/folder.js')).programsFolder()
  return folder === undefined ? undefined : { folder, ...(await import('./cache/disk.js')).measure(folder) }
}

function hintsFor({ kind, description, limits, features }: DeviceInfo): string[] {
  if (kind === 'hardware')
    return limits.maxStorageBuffersPerShaderStage < 10
      ? ['the adapter binds fewer than 10 buffers: programs are cut into more kernels']
      : []
  if (kind !== 'cpu')
    return [
      `programs run on a GPU in software (${description}); without it, on the CPU itself, they are many times faster`,
    ]
  const hints = [`programs run on the CPU (${description}). Faster would be ${advice('gpu')}`]
  if (!features.includes('relaxed-simd'))
    hints.push(
      'this engine has no relaxed SIMD, and so no fused multiply-add: matrix products take up to twice as long',
    )
  if (!features.includes('threads'))
    hints.push(
      'programs run on one thread: serve the page with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp',
    )
  return hints
}
