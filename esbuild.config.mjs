import { readFileSync, rmSync } from 'node:fs'
import { build } from 'esbuild'

/**
 * Builds dist/: one ES module per subpath of package.json's `exports`, and the command line. What they share lies in
 * chunks, so that there is one registry of ops and one device whatever is imported. `tsc -p tsconfig.build.json` adds
 * the declarations.
 */
const { exports, bin, dependencies, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))

/** './dist/nn.js', whose types are './dist/types/stdlib/nn/index.d.ts', is made of stdlib/nn/index.ts. */
const entryPoints = { [nameOf(bin.fovea)]: 'models/cli/main.ts' }
for (const entry of Object.values(exports)) {
  if (typeof entry === 'string') continue // package.json itself
  entryPoints[nameOf(entry.default)] = entry.types.replace('./dist/types/', '').replace(/\.d\.ts$/, '.ts')
}
function nameOf(file) {
  return file.replace('./dist/', '').replace(/\.js$/, '')
}

rmSync('dist', { recursive: true, force: true })
await build({
  entryPoints,
  outdir: 'dist',
  // Deeper than package.json by two: compiler/trace/source.ts finds the library's own frames from where it lies.
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  sourcemap: true,
  external: ['node:*', ...Object.keys({ ...dependencies, ...peerDependencies })],
  logLevel: 'warning',
})
