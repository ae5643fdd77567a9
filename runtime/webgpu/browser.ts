import type { Candidate } from '../choose.js'
import { candidateOf, kindOf } from './adapter.js'

/** The browser's GPU. A software adapter is none: the CPU is faster without it. */
export async function findBrowserGpu(): Promise<Candidate> {
  if (!navigator.gpu) return { name: 'gpu', reason: 'navigator.gpu is missing' }
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter) return { name: 'gpu', reason: 'navigator.gpu gives no adapter' }
  const kind = kindOf(adapter)
  if (kind === 'hardware') return candidateOf('gpu', { adapter, kind, backend: 'browser' })
  return { name: 'gpu', reason: `navigator.gpu has only a software adapter (${kind})` }
}
