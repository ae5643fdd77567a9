import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Where this user's programs keep what they can make again, Fovea's part of it. Throws when the user has no home. */
export function userCache(): string {
  const { platform, env } = process
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, 'fovea')
  if (platform === 'win32') return join(env.LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'fovea', 'cache')
  return join(homedir(), ...(platform === 'darwin' ? ['Library', 'Caches'] : ['.cache']), 'fovea')
}

/** Where compiled programs are kept: FOVEA_CACHE, a folder or 'off', else the user's cache. */
export function programsFolder(): string | undefined {
  const { FOVEA_CACHE } = process.env
  if (FOVEA_CACHE === 'off') return undefined
  if (FOVEA_CACHE) return resolve(FOVEA_CACHE)
  try {
    return join(userCache(), 'programs')
  } catch {
    return undefined
  }
}
