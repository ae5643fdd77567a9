import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect } from 'vitest'

/** What a script of TypeScript prints that runs in a process of its own; it must be silent on stderr. */
export async function node(script: string, env: Record<string, string> = {}): Promise<string> {
  const args = ['--import', 'tsx', '--input-type=module', '-e', script]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    timeout: 60_000,
    env: { ...process.env, ...env },
  })
  expect(stderr).toBe('')
  return stdout
}
