import type { Program } from '../compiler/ir/program.js'
import { FoveaError } from '../compiler/trace/error.js'
import type { Storage } from '../compiler/trace/tensor.js'
import { ArrayStorage, holdMemory, type Memory, releaseMemory } from './array.js'
import { showBytes } from './bytes.js'
import type { Device, DispatchTime } from './device.js'
import { checkInputs, place, usesOf } from './place.js'
import { createScratch } from './scratch.js'

/** A program made ready on a device. */
export interface Executable {
  readonly program: Program
  /**
   * Runs the program in one submit. Resolves when the work is submitted; at most
   * three calls are unfinished at a time, and calls take effect in the order they are made. A donated input is given up
   * at the call, and given back if the call fails before it is submitted; when its memory is shared with another array
   * it is copied first.
   * Throws FoveaError 'input' for inputs that don't fit the program, 'disposed', 'out-of-memory' and 'device-lost'.
   */
  run(inputs: readonly Storage[]): Promise<ArrayStorage[]>
  /** Where it was loaded to be timed: what each dispatch took in the last call, by number. */
  times(): Promise<DispatchTime[]>
  /** Frees scratch memory; the executable can't run any more. */
  dispose(): void
}

/** A shortage, with what the program that met it needs. */
function withPlan(err: FoveaError, { name, buffers, memory }: Program): FoveaError {
  const bytes = (kind: 'input' | 'output'): string =>
    showBytes(buffers.reduce((sum, b) => sum + (b.kind === kind ? b.bytes : 0), 0))
  const needs = `'${name}' holds ${bytes('input')} of arguments, ${bytes('output')} of results and ${showBytes(memory.tempBytes)} of temporaries`
  return new FoveaError(err.code, `${err.message}. ${needs}`, err.loc, { cause: err.cause })
}

/** Executables that nobody can reach any more give their memory back. */
const abandoned = new FinalizationRegistry<() => void>((free) => free())

/**
 * Prepares a program: compiles its kernels, shared with other programs by their text.
 * `timed`: calls note what each dispatch takes, for `times`.
 * Throws FoveaError 'kernel' when a kernel doesn't compile, 'out-of-memory' and 'device-lost'.
 *
 * @example
 * const executable = await load(await getDevice(), program)
 * const [y] = await executable.run([hostArray(new Float32Array([1, 2]), [2], 'f32')])
 */
export async function load(device: Device, program: Program, timed = false): Promise<Executable> {
  const prepared = await device.prepare(program, timed)
  const scratch = createScratch(device.pool, program.buffers)
  const uses = usesOf(program)

  let disposed = false

  const executable: Executable = {
    program,
    async run(inputs) {
      if (disposed)
        throw new FoveaError('disposed', `'${program.name}' was disposed and can't run any more: load it again`)
      const arrays = checkInputs(program, inputs)
      const held: Memory[] = []
      const takeBack: (() => void)[] = []
      try {
        for (const array of arrays) held.push(holdMemory(array.memory))
        for (const array of new Set([...uses.donated].map((i) => arrays[i]))) takeBack.push(array.donate(program.name))
        return await device.inTurn(() =>
          scratch.use(async (slots) => {
            const { blocks, copies, memories } = await place(device, program, held, uses, slots)
            if (copies.length + program.dispatches.length > 0) await prepared.submit(blocks, copies)
            return program.outputs.map(
              ({ buffer, shape, dtype }) => new ArrayStorage(memories.get(buffer)!, shape, dtype),
            )
          }),
        )
      } catch (err) {
        for (const restore of takeBack) restore()
        throw err instanceof FoveaError && err.code === 'out-of-memory' ? withPlan(err, program) : err
      } finally {
        for (const memory of held) releaseMemory(memory)
      }
    },
    times: () => prepared.times(),
    dispose() {
      if (!disposed) free()
      disposed = true
      abandoned.unregister(executable)
    },
  }
  // In turn: calls that are under way, whose executable nobody may hold any more, end first.
  function free(): void {
    const freed = device.inTurn(async () => {
      scratch.dispose()
      prepared.dispose()
    })
    freed.catch(() => undefined) // the device is lost, and its memory with it
  }
  abandoned.register(executable, free, executable)
  return executable
}
