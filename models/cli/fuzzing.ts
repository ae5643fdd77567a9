import { FoveaError } from '../../compiler/trace/error.js'
import { type DeviceName, look } from '../../runtime/choose.js'
import type { Device } from '../../runtime/device.js'
import { onDevice } from '../../stdlib/testing/fuzz/checks.js'
import { checksWithoutDevice, fuzz, showFinding } from '../../stdlib/testing/fuzz/fuzz.js'

interface FuzzRun {
  readonly seconds: number
  readonly count?: number
  readonly seed: number
  readonly device: readonly DeviceName[]
}

/** Fuzzes with a line of progress, and prints the finding if there is one. Whether there is none. */
export async function runFuzz({ seconds, count, seed, device: names }: FuzzRun): Promise<boolean> {
  const devices: Device[] = []
  try {
    for (const name of names) devices.push(await open(name))
    const on =
      devices.map(({ info }) => `${info.description} (${info.kind})`).join(', ') || 'the reference interpreter alone'
    process.stderr.write(`fuzzing ${on}, from seed ${seed}\n`)
    const began = performance.now()
    const until = (): boolean => count === undefined && performance.now() - began >= 1000 * seconds
    let shown = began
    const { programs, finding } = await fuzz({
      seed,
      count,
      until,
      checks: [...checksWithoutDevice, ...devices.flatMap(onDevice)],
      onProgram(done) {
        const now = performance.now()
        if (now - shown < (process.stderr.isTTY ? 200 : 10_000)) return
        shown = now
        const line = `${done} programs in ${Math.round((now - began) / 1000)} s, next is seed ${seed + done}`
        process.stderr.write(process.stderr.isTTY ? `\r${line}` : `${line}\n`)
      },
    })
    if (process.stderr.isTTY) process.stderr.write('\n')
    if (finding) {
      const where = names.length ? names.join() : 'none'
      process.stdout.write(
        `${showFinding(finding)}\nreplay: fovea fuzz --seed ${finding.seed} --count 1 --device ${where}\n`,
      )
    } else process.stdout.write(`${programs} programs, no finding\n`)
    return !finding
  } finally {
    for (const device of devices) await device.destroy()
  }
}

async function open(name: DeviceName): Promise<Device> {
  const { found, reason } = await look(name)
  if (!found) throw new FoveaError('no-adapter', `--device ${name}: there is none here: ${reason}`)
  return found.open(() => undefined)
}
