import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, posix } from 'node:path'
import { expect, test } from 'vitest'

/** The rules that hold the house up: what may import what, and what no file may say. */
const root = join(import.meta.dirname, '../..')
// Tracked files and new ones; what git ignores is nobody's.
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter(Boolean)
const read = (file: string): string | undefined => {
  try {
    return readFileSync(join(root, file), 'utf8')
  } catch {
    return undefined // deleted, and not yet committed as such
  }
}
const sources = files.filter((file) => /^(compiler|runtime|stdlib|models)\/.*\.tsx?$|^index\.ts$/.test(file))

/** Rooms from the top; each may import from those below it. The entry `index.ts` is the language and the runtime. */
const rooms = ['models', 'stdlib', 'index.ts', 'runtime', 'compiler']
const roomOf = (file: string): string => file.split('/')[0]
const packages: Record<string, RegExp> = {
  compiler: /^$/,
  runtime: /^(node:|webgpu$)/,
  'index.ts': /^$/,
  stdlib: /^(node:|sharp$|csv-parse|tar-stream$|ts-morph$|yauzl$|@huggingface\/(hub|tokenizers)$|fast-check$)/,
  models: /^(node:|commander$)/,
}

/** Module specifiers of a file: static and dynamic imports, re-exports, and imports in types. */
function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
  const patterns = [
    /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\bimport\(\s*['"]([^'"]+)['"]/g,
  ]
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((m) => m[1]))
}

test('the reader of imports sees every kind', () => {
  const text = `import a from './a.js'\nimport {\n  b,\n} from './b.js'\nimport './c.js'\nexport * from './d.js'\nexport type { E } from './e.js'
    const f = await import('./f.js')\ntype G = import('./g.js').G\n/* import h from './h.js' */\n// import i from './i.js'`
  expect(importsOf(text).sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `./${name}.js`))
})

test('imports point one way: models → stdlib → runtime → compiler', () => {
  expect(sources.filter((file) => roomOf(file) === 'compiler').length).toBeGreaterThan(50)
  const wrong: string[] = []
  for (const file of sources) {
    for (const specifier of importsOf(read(file) ?? '')) {
      if (specifier.startsWith('.')) {
        const to = roomOf(posix.normalize(posix.join(posix.dirname(file), specifier.replace(/\.js$/, '.ts'))))
        const allowed = rooms.indexOf(to) >= rooms.indexOf(roomOf(file)) || file === 'index.ts'
        if (!rooms.includes(to) || !allowed) wrong.push(`${file} imports ${specifier}`)
      } else if (!packages[roomOf(file)].test(specifier)) wrong.push(`${file} imports '${specifier}'`)
    }
  }
  expect(wrong).toEqual([])
})

test('rooms of the compiler import what its map says', () => {
  const rows = [...(read('compiler/README.md') ?? '').matchAll(/^\| `(\w+)\/` \|.*\|(.*)\|$/gm)]
  const map = new Map(rows.map(([, room, list]) => [room, [...list.matchAll(/`(\w+)`/g)].map((m) => m[1])]))
  const wrong = sources.flatMap((file) => {
    const [top, room, ...rest] = file.split('/')
    if (top !== 'compiler' || rest.length === 0) return []
    return importsOf(read(file) ?? '')
      .map((specifier) => posix.join(posix.dirname(file), specifier).split('/')[1])
      .filter((to) => to !== room && !map.get(room)?.includes(to))
      .map((to) => `${file} imports from ${to}/`)
  })
  expect(wrong).toEqual([])
})

test('the compiler touches no device, file, clock or environment', () => {
  const forbidden = /\b(process\.|navigator\b|GPU[A-Z]\w+|fetch\(|Date\.now|performance\.|Math\.random|require\()/
  const wrong = sources
    .filter((file) => roomOf(file) === 'compiler')
    .flatMap((file) => {
      const code = (read(file) ?? '').replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '')
      const found = forbidden.exec(code)
      return found ? [`${file}: ${found[0]}`] : []
    })
  expect(wrong).toEqual([])
})

test('every room says what it is', () => {
  const folders = new Set(sources.map((file) => posix.dirname(file)).filter((folder) => folder !== '.'))
  const inCompiler = [...folders].filter((folder) => /^compiler\/[^/]+$/.test(folder))
  const missing = ['compiler', 'runtime', 'stdlib', 'models', ...inCompiler].filter(
    (folder) => !files.includes(`${folder}/README.md`),
  )
  expect(missing).toEqual([])
})

const text = files.filter((file) => !/\.(png|jpg|jpeg|webp|gif|safetensors|npz|npy|bin)$/.test(file))

test('no file names a machine, or where its packages came from', () => {
  // This checkout's own place, and homes of people ('me' is nobody).
  const here = [root, dirname(root), homedir()].filter((folder) => folder.length > 1).map((folder) => `${folder}/`)
  const place = /\/(?:home|Users)\/(?!me\/)\w+\/|[A-Z]:\\\\?Users|file:\/\/\/\w|localhost:\d/
  const registry = /registry\.(?!test\.ts)[\w-]+\.\w+|_authToken|artifactory|verdaccio|codeartifact|"resolved":/
  const wrong = text
    .filter((file) => file !== 'test/house/arrows.test.ts')
    .flatMap((file) =>
      (read(file) ?? '').split('\n').flatMap((line, i) => {
        const found = here.find((folder) => line.includes(folder)) ?? (place.exec(line) ?? registry.exec(line))?.[0]
        return found ? [`${file}:${i + 1}: ${found}`] : []
      }),
    )
  expect(wrong).toEqual([])
})

test('the lock file says what was installed, not from where', () => {
  const { packages: locked } = JSON.parse(read('package-lock.json') ?? '')
  expect(Object.keys(locked).length).toBeGreaterThan(50)
  expect(Object.entries<{ resolved?: string }>(locked).filter(([, entry]) => entry.resolved)).toEqual([])
})
