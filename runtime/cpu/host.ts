/** A worker thread. It does not keep the process alive unless it's held. */
export interface Thread {
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void
  hold(busy: boolean): void
  end(): Promise<void>
}

/** Where threads come from. */
export interface Host {
  readonly cores: number
  /** The name of the processor. */
  readonly processor: string
  readonly architecture: string
  /** Starts a thread that runs this script. `ended` says why when it ends, whatever the reason. */
  start(script: string, heard: (message: any) => void, ended: (why: string) => void): Thread
}
