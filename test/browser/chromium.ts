import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliDecompress } from 'node:zlib'
import { type Browser, chromium } from 'playwright-core'
import { untar } from '../../runtime/dawn/untar.js'

/** Why there is no Chromium for this machine, if so: the one of npm's @sparticuz/chromium is built for linux x64. */
export const noChromium =
  process.platform !== 'linux' || process.arch !== 'x64'
    ? `the Chromium of @sparticuz/chromium runs on linux x64 only, this is ${process.platform} ${process.arch}`
    : undefined

const decompress = promisify(brotliDecompress)
const root = join(import.meta.dirname, '../..')

/**
 * The folder of Chromium, unpacked from the npm package once into node_modules/.cache. The package's own unpacking goes to
 * fixed names in the temporary folder, not atomically, and leaves out the shared libraries (NSS and expat, for Amazon
 * Linux) that a bare machine lacks.
 */
async function unpacked(): Promise<string> {
  const npm = join(dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')), '../..')
  const { version } = JSON.parse(await readFile(join(npm, 'package.json'), 'utf8'))
  const folder = join(root, 'node_modules/.cache/fovea', `chromium-${version}`)
  if (existsSync(folder)) return folder

  const aside = `${folder}.${process.pid}-${randomUUID()}`
  await mkdir(aside, { recursive: true })
  const archive = async (name: string): Promise<Buffer> => decompress(await readFile(join(npm, 'bin', name)))
  const write = (name: string, data: Buffer): Promise<void> =>
    writeFile(join(aside, basename(name)), data, { mode: 0o755 })
  try {
    await Promise.all([
      archive('chromium.br').then((data) => write('chromium', data)),
      ...['al2023.tar.br', 'swiftshader.tar.br'].map(async (name) => {
        for (const file of untar(await archive(name))) await write(file.name, file.data)
      }),
    ])
    await rename(aside, folder)
  } catch (err) {
    await rm(aside, { recursive: true, force: true })
    if (!existsSync(folder)) throw err // else another process was faster
  }
  return folder
}

/**
 * Starts headless Chromium with WebGPU on SwiftShader, whatever GPU the machine has. `hosts` are names that lead to this
 * machine, besides localhost.
 */
export async function launch(hosts: readonly string[]): Promise<Browser> {
  const folder = await unpacked()
  return chromium.launch({
    executablePath: join(folder, 'chromium'),
    env: { ...process.env, LD_LIBRARY_PATH: folder },
    args: [
      '--enable-unsafe-webgpu',
      '--use-webgpu-adapter=swiftshader',
      `--host-resolver-rules=${hosts.map((name) => `MAP ${name} 127.0.0.1`).join(',')}`,
    ],
  })
}
