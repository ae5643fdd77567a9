import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { entries, pages, root } from './entries.js'
import { blocksOf, type Example } from './extract.js'

/** Blocks of pages compile under strict settings, and those marked with an error have that one and no other. */
const folder = mkdtempSync(join(tmpdir(), 'fovea-pages-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const blocks = pages.flatMap((page) => blocksOf(root, page))
const exported = await Promise.all(
  Object.entries(entries).map(async ([name, file]) => [name, Object.keys(await import(join(root, file)))] as const),
)

/** A block that imports nothing is about the language: the names it uses come from the first entry that has them. */
function imports(code: string): string {
  if (/^import /m.test(code)) return ''
  const known = new Set<string>()
  const uses = (name: string): boolean =>
    !known.has(name) && new RegExp(`(?<![.\\w'])${name}\\b(?!['\\w]|:)`).test(code) && !declares(code, name)
  const lines = exported.map(([from, names]) => {
    const used = names.filter(uses)
    for (const name of used) known.add(name)
    return used.length ? `import { ${used.join(', ')} } from '${from}';` : ''
  })
  return `${lines.join('')}export {};`
}
const declares = (code: string, name: string): boolean =>
  new RegExp(`\\b(?:const|let|function)[^=\\n]*\\b${name}\\b[^=\\n]*=`).test(code)

test('types of the pages are what the pages say', () => {
  expect(blocks.length).toBeGreaterThan(5)
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const paths = Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, [join(root, file)]]))
  const compilerOptions = { rootDir: '/', paths, noUnusedLocals: false, noUnusedParameters: false, pretty: false }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, include: ['*.ts'], exclude: [] }),
  )
  // The imports share the first line with the code, so that lines are the page's.
  blocks.forEach(({ code }, i) => {
    writeFileSync(join(folder, `b${i}.ts`), `${imports(code)}${code}\n`)
  })
  let output = ''
  try {
    execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], { encoding: 'utf8' })
  } catch (err) {
    output = (err as { stdout: string }).stdout
  }
  const complaints = output.split('\n').filter((line) => /^\S*b\d+\.ts\(/.test(line))
  const of = (i: number): string[] => complaints.filter((line) => line.includes(`b${i}.ts(`))
  const report = (block: Example, i: number): string[] => {
    const found = of(i).map((line) => line.replace(/^\S*b\d+\.ts\((\d+),(\d+)\)/, '($1,$2)'))
    if (block.error === undefined) return found.map((line) => `${block.at} ${line}`)
    if (found.length === 1 && found[0].includes(block.error)) return []
    return [`${block.at} expected the error '${block.error}', got ${found.join('\n  ') || 'none'}`]
  }
  expect(blocks.flatMap(report)).toEqual([])
})
