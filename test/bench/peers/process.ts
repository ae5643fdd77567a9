import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** One way of running a peer: a process that answers as serve.ts says, started when it is first asked and kept alive. */
export interface Variant {
  readonly label: string
  ask(message: object): Promise<Reply>
  stop(): void
}
export interface Reply {
  readonly values?: readonly (readonly number[])[]
  readonly ms?: number
  /** Why the peer can't do it. */
  readonly unsupported?: string
}

export const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

/** A Node process, of a .ts or .mjs file here. */
export const node = (label: string, file: string, env: Record<string, string>): Variant =>
  launch(label, process.execPath, ['--import', import.meta.resolve('tsx'), here(file)], env)

export function launch(label: string, command: string, args: string[], env: Record<string, string>): Variant {
  let send: ((line: string) => void) | undefined
  let stop: (() => void) | undefined
  let answer: ((reply: Reply) => void) | undefined

  function start(): void {
    // What libraries print is of interest when something is wrong with them.
    const errors = process.env.PEER_ERRORS ? 'inherit' : 'ignore'
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', errors] })
    const { stdin, stdout } = child as typeof child & { stdin: NodeJS.WritableStream; stdout: NodeJS.ReadableStream }
    send = (line) => stdin.write(line)
    stop = () => stdin.end()
    createInterface({ input: stdout }).on('line', (line) => line.startsWith('{') && answer?.(JSON.parse(line)))
    child.on('error', ({ message }) => answer?.({ unsupported: message }))
    child.on('exit', (code, signal) => {
      send = stop = undefined
      answer?.({ unsupported: `its process ended (${signal ?? code})` })
    })
  }
  return {
    label,
    ask(message) {
      if (!send) start()
      return new Promise((resolve) => {
        answer = resolve
        send?.(`${JSON.stringify(message)}\n`)
      })
    },
    stop: () => stop?.(),
  }
}
