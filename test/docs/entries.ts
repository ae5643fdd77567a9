import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

/** Public entries and their sources: 'fovea/nn' → 'stdlib/nn/index.ts'. */
export const entries: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries<{ types?: string }>(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).exports).flatMap(
    ([subpath, { types }]) =>
      types ? [[`fovea${subpath.slice(1)}`, types.replace('./dist/types/', '').replace('.d.ts', '.ts')]] : [],
  ),
)
export const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'docs/language.md',
  'docs/dtypes.md',
  'docs/debugging.md',
  'docs/profiling.md',
  'docs/testing.md',
  'docs/runtime.md',
  'docs/architecture.md',
]
