import type { Program, Target } from '../../compiler/ir/program.js'
import type { Device, DeviceInfo, DeviceStats, Prepared } from '../device.js'
import { createFailure } from '../failure.js'
import { createTurns } from '../turns.js'
import type { Engine, Events } from './engine.js'
import type { Features } from './features.js'
import type { Host } from './host.js'
import { addressOf, createPool } from './pool.js'
import { compileModule, failedKernel } from './prepare.js'
import { schedule } from './schedule.js'
import { startSingle } from './single.js'
import { timedSegments } from './stamps.js'
import { createTable, fillTable, type Table, tableShape } from './table.js'
import { startThreads } from './threads.js'

export interface CpuOptions {
  readonly host: Host
  readonly features: Features
  /** More than one only with shared memory. */
  readonly threads: number
}

const target = ({ relaxed, shared }: Features): Omit<Target, 'tuned'> => ({
  class: 'cpu',
  // One kernel's dispatch may touch so many arrays; nothing on a CPU limits them, but each costs a register or a load.
  maxStorageBuffersPerShaderStage: 24,
  maxStorageBufferBindingSize: 2 ** 32 - 65536,
  maxComputeInvocationsPerWorkgroup: 1,
  maxComputeWorkgroupStorageSize: 0,
  maxComputeWorkgroupsPerDimension: 2 ** 31 - 1,
  wasm: { relaxed, shared },
})

/** Plain data about the device that these options open. */
export function infoOf({ host, features, threads }: CpuOptions): DeviceInfo {
  const { class: _class, wasm: _wasm, ...limits } = target(features)
  const maxBufferSize = limits.maxStorageBufferBindingSize
  return {
    kind: 'cpu',
    vendor: '',
    architecture: host.architecture,
    description: `${host.processor}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    backend: 'wasm',
    limits: { ...(limits as Record<string, number>), maxBufferSize },
    features: [...(features.relaxed ? ['relaxed-simd'] : []), 'simd128', ...(features.shared ? ['threads'] : [])],
  }
}

export interface CpuDevice extends Device {
  readonly engine: Engine
}

/** Opens the CPU as a device: threads over one WebAssembly memory. `onLost` runs when it is lost or destroyed. */
export async function openCpu(options: CpuOptions, onLost: () => void): Promise<CpuDevice> {
  const { host, features, threads } = options
  const stats: DeviceStats = { bytesAllocated: 0, bytesInUse: 0, submits: 0, dispatches: 0 }
  const { failure, lose } = createFailure(onLost)
  const programs = new Map<number, Program>()
  const events: Events = {
    settle() {
      pool.settle()
      retired = retired.filter((table) => !freeIfLeft(table))
    },
    failed(why, stack, module) {
      const program = module === undefined ? undefined : programs.get(module)
      lose(program && stack ? `${failedKernel(program, stack)}: ${why}` : why)
      void engine.end()
    },
  }
  const engine = features.shared ? startThreads(host, threads, events) : startSingle(host, events)
  const finished = (): Promise<void> => failure.guard(engine.calls.finished())
  const pool = createPool(engine, stats, finished)

  /** The threads' own memory, for the program that wants most of it. */
  let scratch = { address: 0, stride: 0 }
  const wantScratch = async (bytes: number): Promise<void> => {
    if (bytes <= scratch.stride) return
    const stride = Math.ceil(bytes / 64) * 64
    const address = await pool.allocate(stride * threads)
    // Programs are prepared side by side.
    const old = stride > scratch.stride ? scratch : { address, stride }
    if (stride > scratch.stride) scratch = { address, stride }
    if (old.stride > 0) pool.free(old.address, old.stride * threads)
  }

  /** Tables of programs that are gone, which a thread may still look at. */
  let retired: { table: Table; bytes: number }[] = []
  const freeIfLeft = ({ table, bytes }: { table: Table; bytes: number }): boolean => {
    const left = isFree(table)
    if (left) pool.free(table.address, bytes)
    return left
  }
  const isFree = ({ call }: Table): boolean =>
    call === undefined || (call < engine.calls.completed && engine.left(call))

  async function prepare(program: Program, timed = false): Promise<Prepared> {
    failure.check()
    const compiled = await failure.guard(compileModule(program, features.shared))
    await wantScratch(program.scratchBytes ?? 0)
    const module = engine.load(compiled, timed)
    programs.set(module, program)
    const shape = tableShape(program, timed ? timedSegments(program) : schedule(program), timed)
    const tables: Table[] = []
    let latest: Table | undefined
    const add = async (): Promise<Table> => {
      const address = await pool.allocate(shape.bytes)
      const table = createTable(shape, address, engine.table(address, shape.bytes))
      tables.push(table)
      return table
    }
    return {
      async submit(blocks, copies) {
        const table = tables.find(isFree) ?? (await add())
        const { first, count } = fillTable(shape, table, blocks, copies)
        shape.stamps?.clear(table.words)
        latest = table
        stats.submits++
        stats.dispatches += program.dispatches.length
        if (count === 0) return
        table.call = engine.calls.submitted
        const { address, stride } = scratch
        engine.submit({ module, table: table.words, address: table.address, first, count, scratch: address, stride })
      },
      async times() {
        if (!latest || !shape.stamps) return []
        return shape.stamps.read(await failure.guard(engine.read(latest.address, shape.bytes)))
      },
      dispose() {
        retired.push(...tables.map((table) => ({ table, bytes: shape.bytes })).filter((r) => !freeIfLeft(r)))
        void engine.calls.finished().then(() => {
          engine.unload(module)
          programs.delete(module)
        })
      },
    }
  }

  return {
    engine,
    target: target(features),
    info: infoOf(options),
    stats,
    failure,
    pool,
    async upload(bytes) {
      const block = await pool.acquireIdle(bytes.length)
      engine.write(addressOf(block), bytes)
      return block
    },
    async read(block, bytes) {
      failure.check()
      return failure.guard(engine.read(addressOf(block), bytes))
    },
    prepare,
    inTurn: createTurns({ failure, stats, finished: () => engine.calls.finished() }),
    finished,
    async destroy() {
      onLost()
      if (failure.lost()) return
      await finished()
      lose('it was destroyed')
      await engine.end()
    },
  }
}
