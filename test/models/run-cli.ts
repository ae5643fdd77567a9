import { vi } from 'vitest'
import { program } from '../../models/cli/program.js'
import { runProgram } from '../../models/cli/report.js'

/** Runs a command line in this process; what it prints is returned. */
export async function fovea(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const text = { out: '', err: '' }
  const into = (name: 'out' | 'err') => (chunk: string | Uint8Array) => {
    text[name] += chunk
    return true
  }
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(into('out')),
    vi.spyOn(process.stderr, 'write').mockImplementation(into('err')),
  ]
  try {
    return { status: await runProgram(program(), args), ...text }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}
