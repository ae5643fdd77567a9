import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Project, ts } from 'ts-morph'
import { FoveaError } from '../../index.js'

/** Sources as TypeScript's compiler sees them. */
export interface Sources {
  readonly checker: ts.TypeChecker
  /** The files that were asked for, in order. */
  readonly files: readonly ts.SourceFile[]
  readonly given: ReadonlySet<ts.SourceFile>
  readonly syntaxErrors: (file: ts.SourceFile) => readonly ts.Diagnostic[]
}

const source = /(?<!\.d)\.[cm]?tsx?$|\.[cm]?jsx?$/
const skipped = new Set(['node_modules', 'dist', 'build', 'coverage'])

/** Sources among files and folders, without declarations and what folders of packages and builds hold. Throws FoveaError 'input'. */
export async function sourcesIn(paths: readonly string[]): Promise<string[]> {
  const found = new Set<string>()
  const walk = async (folder: string): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true })
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name)
      if (entry.isDirectory() && !skipped.has(entry.name) && !entry.name.startsWith('.')) await walk(path)
      else if (entry.isFile() && source.test(entry.name)) found.add(path)
    }
  }
  for (const path of paths.map((path) => resolve(path))) {
    const kind = await stat(path).catch(() => undefined)
    if (!kind) throw new FoveaError('input', `check: there is no file or folder '${path}'`)
    if (kind.isDirectory()) await walk(path)
    else if (source.test(path)) found.add(path)
    else throw new FoveaError('input', `check: expected TypeScript or JavaScript, got '${path}'`)
  }
  if (!found.size) throw new FoveaError('input', `check: there are no sources in ${paths.join(', ')}`)
  return [...found]
}

/**
 * Opens files with the options of the tsconfig.json above the first one, if there is one. Libraries of the DOM and of Node
 * are left out: what is global is known by name, and reading them takes longer than the check.
 */
export function open(paths: readonly string[]): Sources {
  const config = configAbove(dirname(paths[0]))
  const project = new Project({
    ...(config && { tsConfigFilePath: config }),
    skipAddingFilesFromTsConfig: true,
    skipFileDependencyResolution: true,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      strict: true,
      allowJs: true,
      noEmit: true,
      skipLibCheck: true,
      lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'],
      types: [],
    },
  })
  project.addSourceFilesAtPaths([...paths])
  const program = project.getProgram().compilerObject
  const files = paths.flatMap((path) => program.getSourceFile(path) ?? [])
  return {
    checker: program.getTypeChecker(),
    files,
    given: new Set(files),
    syntaxErrors: (file) => program.getSyntacticDiagnostics(file),
  }
}

function configAbove(folder: string): string | undefined {
  const here = join(folder, 'tsconfig.json')
  if (existsSync(here)) return here
  const above = dirname(folder)
  return above === folder ? undefined : configAbove(above)
}
