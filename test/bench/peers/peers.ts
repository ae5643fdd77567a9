import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { here, launch, node, type Variant } from './process.js'

/** A peer in the ways that it can be run; the fastest counts, workload by workload. */
export interface Peer {
  readonly name: string
  readonly variants: readonly Variant[]
}

const limits = (n: string): Record<string, string> => ({
  PEER_THREADS: n,
  OMP_NUM_THREADS: n,
  FOVEA_THREADS: n,
  PYTHONDONTWRITEBYTECODE: '1',
})

/**
 * Fovea, the npm peers, and what the given Python interpreters have; `wanted` names some of them, or none for all. On an adapter the npm
 * peers use WebGPU, and Python's libraries have nothing.
 */
export function allPeers(
  device: string,
  threads: string,
  pythons: readonly string[],
  wanted: readonly string[],
): Peer[] {
  const gpu: Record<string, string> = device === 'cpu' ? {} : { PEER_GPU: device }
  const inNode = (name: string, file: string, counts: readonly string[]): Peer => ({
    name,
    variants: counts.map((n) => node(`${name}, threads: ${n}`, file, { ...limits(n), FOVEA_DEVICE: device, ...gpu })),
  })
  // One thread is faster where messages to a second cost more than it gains.
  const counts = device === 'cpu' ? [...new Set([threads, '1'])] : [threads]
  const peers = [
    inNode('fovea', 'fovea.ts', [threads]),
    inNode('jax-js', 'jaxjs.mjs', counts),
    inNode('tfjs', 'tfjs.mjs', counts),
    inNode('onnxruntime', 'ort.mjs', counts),
  ].filter(({ name }) => name === 'fovea' || !wanted.length || wanted.includes(name))
  for (const name of device === 'cpu' ? ['torch', 'jax'] : []) {
    const python = (!wanted.length || wanted.includes(name)) && pythons.find((path) => has(path, name))
    if (!python) continue
    const variants = (name === 'torch' ? counts : [threads]).map((n) =>
      launch(`${name}, threads: ${n}`, python, [here(`${name}_peer.py`)], limits(n)),
    )
    peers.push({ name, variants })
  }
  return peers
}

function has(python: string, module: string): boolean {
  try {
    execFileSync(python, ['-c', `import ${module}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** The npm peers are no dependencies of the project: they go into this folder's own node_modules. */
export function install(): void {
  const { dependencies } = JSON.parse(readFileSync(here('package.json'), 'utf8'))
  const installed = ([name, version]: [string, unknown]): boolean => {
    const path = here(`node_modules/${name}/package.json`)
    return existsSync(path) && JSON.parse(readFileSync(path, 'utf8')).version === version
  }
  if (Object.entries(dependencies).every(installed)) return
  process.stderr.write('installing the npm peers into test/bench/peers/node_modules\n')
  const flags = ['--no-package-lock', '--no-audit', '--no-fund', '--ignore-scripts']
  execFileSync('npm', ['install', ...flags], { cwd: here('.'), stdio: ['ignore', 'ignore', 'inherit'] })
}
