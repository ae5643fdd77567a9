import { readdirSync } from 'node:fs'
import { constants, homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

/** Keeps a library mapped for the life of the process (glibc <dlfcn.h>), so that a later dlopen of its soname finds it. */
const RTLD_NODELETE = 0x1000

/**
 * Maps a shared library globally and for good. Returns why it could not, or undefined.
 * Node can only load add-ons, so it complains about any other library, after the mapping is made.
 */
export function mapLibrary(file: string): string | undefined {
  try {
    process.dlopen({ exports: {} }, file, constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL | RTLD_NODELETE)
  } catch (err) {
    const text = err instanceof Error ? err.message : String(err)
    if (!text.includes('did not self-register')) return text
  }
  return undefined
}

/** True when the machine brings its own Vulkan loader. */
export const hasVulkanLoader = (): boolean => mapLibrary('libvulkan.so.1') === undefined

/**
 * True when a Vulkan driver may be installed: its manifest lies where the loader looks, or the environment names one.
 * Asking Dawn in vain costs a warning on stderr. Folders: "Driver Discovery on Linux" of the Vulkan loader's manual.
 */
export function mayHaveVulkanDriver(): boolean {
  const env = process.env
  if (env.VK_DRIVER_FILES || env.VK_ICD_FILENAMES || env.VK_ADD_DRIVER_FILES) return true
  const data = [env.XDG_DATA_HOME || join(homedir(), '.local/share'), ...(env.XDG_DATA_DIRS?.split(':') ?? [])]
  const config = [env.XDG_CONFIG_HOME || join(homedir(), '.config'), ...(env.XDG_CONFIG_DIRS?.split(':') ?? [])]
  const system = ['/etc/xdg', '/etc', '/usr/local/etc', '/usr/local/share', '/usr/share', '/run/opengl-driver/share']
  return [...data, ...config, ...system].some((folder) => {
    try {
      return readdirSync(join(folder, 'vulkan/icd.d')).some((name) => name.endsWith('.json'))
    } catch {
      return false
    }
  })
}

/** Adds a driver beside those the loader finds by itself. The loader reads this when an instance is made. */
export function addVulkanDriver(icd: string): void {
  const given = process.env.VK_ADD_DRIVER_FILES?.split(':').filter(Boolean) ?? []
  if (!given.includes(icd)) process.env.VK_ADD_DRIVER_FILES = [...given, icd].join(':')
  process.env.XDG_RUNTIME_DIR ??= tmpdir()
}

/** Loaders before 1.3.207 don't know VK_ADD_DRIVER_FILES: names the one driver instead, unless the user named some. */
export function nameVulkanDriver(icd: string): void {
  process.env.VK_ICD_FILENAMES ??= icd
}
