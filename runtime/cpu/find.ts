import { FoveaError } from '../../compiler/trace/error.js'
import { type Candidate, isNode } from '../choose.js'
import { maxThreads } from './control.js'
import { type CpuOptions, infoOf, openCpu } from './device.js'
import { findFeatures } from './features.js'

/** The CPU, if this host's WebAssembly has SIMD. Throws FoveaError 'input' for a FOVEA_THREADS that is no number of threads. */
export async function findCpu(): Promise<Candidate> {
  const features = await findFeatures()
  if (!features.simd) return { name: 'cpu', reason: "this host's WebAssembly has no SIMD" }
  const { host } = await (isNode() ? import('./node.js') : import('./browser.js'))
  const threads = features.shared ? wantedThreads(host.cores) : 1
  const options: CpuOptions = { host, features, threads }
  return { name: 'cpu', found: { info: infoOf(options), open: (onLost) => openCpu(options, onLost) } }
}

function wantedThreads(cores: number): number {
  const wanted = isNode() ? process.env.FOVEA_THREADS : undefined
  if (!wanted) return Math.min(cores, maxThreads)
  const threads = Number(wanted)
  if (!Number.isInteger(threads) || threads < 1 || threads > maxThreads)
    throw new FoveaError(
      'input',
      `FOVEA_THREADS: expected a whole number from 1 to ${maxThreads}, got '${wanted}'; unset it to use all ${cores} cores`,
    )
  return threads
}
