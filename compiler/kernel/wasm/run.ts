import { memarg, op, sleb, uleb, type WasmFunction, type WasmModule } from './binary.js'

/**
 * What a thread pool's memory holds for `run`: byte addresses, and offsets in records, of 32-bit words. The runtime writes the
 * records; threads change the words at `progress`, `changes` and `sleepers`, and `next`, `done`, `current` and `phase` of segments,
 * all by atomic instructions, and words that code names. Words that threads wait for are alone in their cache line of 64 bytes.
 */
export const layout = {
  /** Address. Segments finished in all calls so far, modulo 2^32. */
  progress: 64,
  /** Address. Counts what threads may wait for: segments finished, and dispatches that code shares out. */
  changes: 68,
  /** Address. Threads that wait for `changes` to change. */
  sleepers: 128,
  /**
   * A segment: one dispatch whose items are shared out by `grain`, or several dispatches that one thread runs one after
   * another (then `items` and `grain` are 1). It starts when all segments of the call before the one at `after` are finished.
   * `next` and `done` count items; both are 0 before the call.
   *
   * A segment with `code` is control flow (then `items` and `grain` are 1). One thread at a time follows the code. It runs small
   * dispatches itself; one to share out is a segment of its own, which it makes `current`, counting `phase`. Whoever finishes
   * the last item of that goes on with the code, at `resume`.
   */
  segment: {
    dispatches: 0,
    count: 4,
    items: 8,
    grain: 12,
    after: 16,
    next: 20,
    done: 24,
    code: 28,
    current: 32,
    phase: 36,
    resume: 40,
    bytes: 64,
  },
  /** An instruction, with operands a and b and the address of another instruction. */
  code: { op: 0, a: 4, b: 8, to: 12, bytes: 16 },
  op: {
    /** The segment is finished. */
    end: 0,
    /** Runs all items of dispatch a. */
    run: 1,
    /** Shares out segment a. */
    share: 2,
    /** The word a becomes b. */
    set: 3,
    /** The word a goes up by one; if it is less than b then, goes to `to`. */
    next: 4,
    /** Unless the word whose address is in a is b, goes to `to`. */
    unless: 5,
    jump: 6,
  },
  /** A dispatch: its kernel's number, or -1 for a list of copies; its items; the address of its arguments. */
  dispatch: { kernel: 0, items: 4, args: 8, bytes: 16 },
  /** Arguments of copies, an item each. */
  copy: { from: 0, to: 4, length: 8, bytes: 12 },
} as const

/** Polls before a waiting thread goes to sleep: some 20 µs, about what sleeping and waking take. */
const polls = 10_000

type Code = readonly number[]
const { segment, dispatch, copy, code } = layout

const i32 = (value: number): Code => [...op.i32Const, ...sleb(value)]
const [add, sub, mul, or, eq, eqz, geSigned, lessThan, notLess] = [
  [0x6a],
  [0x6b],
  [0x6c],
  [0x72],
  [0x46],
  [0x45],
  [0x4e],
  [0x49],
  [0x4f],
]
const endless: Code = [0x42, 0x7f] // i64.const -1
const memoryCopy: Code = [0xfc, 0x0a, 0x00, 0x00]
const load = (address: Code, offset: number): Code => [...address, ...op.i32Load, ...memarg(2, offset)]
const store = (address: Code, offset: number, value: Code): Code => [
  ...address,
  ...value,
  ...op.i32Store,
  ...memarg(2, offset),
]
const atomicLoad = (address: Code, offset: number): Code => [...address, ...op.i32AtomicLoad, ...memarg(2, offset)]
/** Gives the value before. */
const atomicAdd = (address: Code, offset: number, value: Code): Code => [
  ...address,
  ...value,
  ...op.i32AtomicAdd,
  ...memarg(2, offset),
]
const atomicStore = (address: Code, offset: number, value: Code): Code => [
  ...address,
  ...value,
  ...op.i32AtomicStore,
  ...memarg(2, offset),
]
const branch = (labels: number): Code => [...op.br, ...uleb(labels)]
const branchIf = (condition: Code, labels: number): Code => [...condition, ...op.brIf, ...uleb(labels)]
const when = (condition: Code, body: Code): Code => [...condition, ...op.if, ...body, ...op.end]
/** Label 0 in the body goes round again, label 1 leaves. */
const forever = (body: Code): Code => [...op.block, ...op.loop, ...body, ...branch(0), ...op.end, ...op.end]

/**
 * `run(first, count, base, scratch)`, which every thread of a pool calls for every call of a program, in the order of the calls
 * and as late as it may be: `first` is the address of the call's first segment, `count` the number of its segments, and `base`
 * is `progress` when all calls before it are finished. Threads take items of the segments in turn until none is left, and never
 * wait for a thread that holds none. Returns 1 to the thread that finishes the last of them, else 0. `kernelType` is the number
 * of the type of kernels, (from, to, args, scratch), which stand in the table in order.
 */
function runFunction(kernelType: number): WasmFunction {
  const names = [
    'first',
    'count',
    'base',
    'scratch',
    'goal',
    'last',
    'at',
    'ready',
    'from',
    'to',
    'd',
    'end',
    'args',
    'n',
    'result',
    'shared',
    'finished',
    'pc',
    'phase',
  ] as const
  type Name = (typeof names)[number]
  const get = (name: Name): Code => [...op.localGet, ...uleb(names.indexOf(name))]
  const set = (name: Name, value: Code): Code => [...value, ...op.localSet, ...uleb(names.indexOf(name))]
  const step = (name: Name, by: number): Code => set(name, [...get(name), ...i32(by), ...add])

  const progress = atomicLoad(i32(0), layout.progress)
  /** Polls a while, then sleeps until there are changes. Whoever makes one sees the sleeper, or the sleeper the change. */
  const waitFor = (condition: Code): Code => [
    ...set('n', i32(polls)),
    ...forever([
      ...branchIf(condition, 1),
      ...step('n', -1),
      ...branchIf(get('n'), 0),
      ...set('n', atomicLoad(i32(0), layout.changes)),
      ...atomicAdd(i32(0), layout.sleepers, i32(1)),
      ...op.drop,
      ...when(
        [...condition, ...eqz],
        [...i32(0), ...get('n'), ...endless, ...op.i32AtomicWait, ...memarg(2, layout.changes), ...op.drop],
      ),
      ...atomicAdd(i32(0), layout.sleepers, i32(-1)),
      ...op.drop,
      ...set('n', i32(1)),
    ]),
  ]
  const announce: Code = [
    ...atomicAdd(i32(0), layout.changes, i32(1)),
    ...op.drop,
    ...when(atomicLoad(i32(0), layout.sleepers), [
      ...i32(0),
      ...i32(-1),
      ...op.i32AtomicNotify,
      ...memarg(2, layout.changes),
      ...op.drop,
    ]),
  ]
  const finished = (at: Code): Code => [...atomicLoad(at, segment.done), ...load(at, segment.items), ...eq]

  const callKernel = (from: Code, to: Code): Code => [
    ...from,
    ...to,
    ...load(get('d'), dispatch.args),
    ...get('scratch'),
    ...load(get('d'), dispatch.kernel),
    ...op.callIndirect,
    ...uleb(kernelType),
    ...uleb(0),
  ]
  const callWhole = callKernel(i32(0), load(get('d'), dispatch.items))
  const runRow = (at: Name): Code => [
    ...set('end', [...get('d'), ...load(get(at), segment.count), ...i32(dispatch.bytes), ...mul, ...add]),
    ...forever([...branchIf([...get('d'), ...get('end'), ...notLess], 1), ...callWhole, ...step('d', dispatch.bytes)]),
  ]
  const runCopies: Code = [
    ...set('n', get('from')),
    ...forever([
      ...branchIf([...get('n'), ...get('to'), ...notLess], 1),
      ...set('args', [...load(get('d'), dispatch.args), ...get('n'), ...i32(copy.bytes), ...mul, ...add]),
      ...load(get('args'), copy.to),
      ...load(get('args'), copy.from),
      ...load(get('args'), copy.length),
      ...memoryCopy,
      ...step('n', 1),
    ]),
  ]
  const runItems: Code = [
    ...load(get('d'), dispatch.kernel),
    ...i32(-1),
    ...eq,
    ...op.if,
    ...runCopies,
    ...op.else,
    ...callKernel(get('from'), get('to')),
    ...op.end,
  ]
  /** Takes items of the segment until none is left. `finished` becomes 1 for who finishes the last. */
  const takeItems = (at: Name): Code => {
    const items = load(get(at), segment.items)
    return [
      ...set('finished', i32(0)),
      ...forever([
        // A look first: an addition takes the cache line away from those who still work.
        ...branchIf([...atomicLoad(get(at), segment.next), ...items, ...notLess], 1),
        ...set('from', atomicAdd(get(at), segment.next, load(get(at), segment.grain))),
        ...branchIf([...get('from'), ...items, ...notLess], 1),
        ...set('to', [...get('from'), ...load(get(at), segment.grain), ...add]),
        ...when([...items, ...get('to'), ...lessThan], set('to', items)),
        ...set('d', load(get(at), segment.dispatches)),
        ...load(get(at), segment.count),
        ...i32(1),
        ...eq,
        ...op.if,
        ...runItems,
        ...op.else,
        ...runRow(at),
        ...op.end,
        ...set('n', [...get('to'), ...get('from'), ...sub]),
        ...when(
          [...atomicAdd(get(at), segment.done, get('n')), ...get('n'), ...add, ...items, ...eq],
          set('finished', i32(1)),
        ),
      ]),
    ]
  }
  const finish: Code = [
    ...when(
      [...atomicAdd(i32(0), layout.progress, i32(1)), ...i32(1), ...add, ...get('goal'), ...eq],
      set('result', i32(1)),
    ),
    ...announce,
  ]

  const [a, b, to] = [code.a, code.b, code.to].map((offset) => load(get('pc'), offset))
  const is = (kind: keyof typeof layout.op): Code => [...load(get('pc'), code.op), ...i32(layout.op[kind]), ...eq]
  const onward = step('pc', code.bytes)
  /** Either way the next instruction follows. */
  const otherwise = (condition: Code, yes: Code, no: Code): Code => [
    ...condition,
    ...op.if,
    ...yes,
    ...op.else,
    ...no,
    ...op.end,
  ]
  /** Follows the code from `pc` until something is shared out (`finished` stays 0) or the end (it becomes 1). */
  const follow: Code = [
    ...set('finished', i32(0)),
    ...forever([
      ...when(is('run'), [...set('d', a), ...callWhole, ...onward, ...branch(1)]),
      ...when(is('set'), [...store(a, 0, b), ...onward, ...branch(1)]),
      ...when(is('next'), [
        ...store(a, 0, [...load(a, 0), ...i32(1), ...add]),
        ...otherwise([...load(a, 0), ...b, ...lessThan], set('pc', to), onward),
        ...branch(1),
      ]),
      ...when(is('unless'), [...otherwise([...load(load(a, 0), 0), ...b, ...eq], onward, set('pc', to)), ...branch(1)]),
      ...when(is('jump'), [...set('pc', to), ...branch(1)]),
      ...when(is('share'), [
        // Who comes late and finds items between these stores finds them ready: nothing else is under way.
        ...set('shared', a),
        ...atomicStore(get('shared'), segment.done, i32(0)),
        ...atomicStore(get('shared'), segment.next, i32(0)),
        ...atomicStore(get('at'), segment.current, get('shared')),
        ...atomicAdd(get('at'), segment.phase, i32(1)),
        ...op.drop,
        ...announce,
        ...branch(2),
      ]),
      ...set('finished', i32(1)),
      ...branch(1),
    ]),
  ]
  const runCode: Code = [
    ...set('pc', load(get('at'), segment.code)),
    // The first to come begins.
    ...set('finished', [...atomicAdd(get('at'), segment.next, i32(1)), ...eqz]),
    ...forever([
      ...when(get('finished'), [
        ...follow,
        ...when(get('finished'), [...atomicStore(get('at'), segment.done, i32(1)), ...finish, ...branch(3)]),
      ]),
      ...set('phase', atomicLoad(get('at'), segment.phase)),
      ...branchIf(finished(get('at')), 1),
      ...set('shared', atomicLoad(get('at'), segment.current)),
      ...when(get('shared'), [
        ...takeItems('shared'),
        ...when(get('finished'), [...set('pc', load(get('shared'), segment.resume)), ...branch(2)]),
      ]),
      ...waitFor([...atomicLoad(get('at'), segment.phase), ...get('phase'), ...sub, ...finished(get('at')), ...or]),
    ]),
  ]
  const runSegment: Code = [...takeItems('at'), ...when(get('finished'), finish)]

  return {
    params: ['i32', 'i32', 'i32', 'i32'],
    results: ['i32'],
    locals: names.slice(4).map(() => 'i32'),
    code: [
      ...waitFor([...progress, ...get('base'), ...sub, ...i32(0), ...geSigned]),
      ...set('goal', [...get('base'), ...get('count'), ...add]),
      ...set('at', get('first')),
      ...set('ready', get('at')),
      ...set('last', [...get('at'), ...get('count'), ...i32(segment.bytes), ...mul, ...add]),
      ...forever([
        ...branchIf([...get('at'), ...get('last'), ...notLess], 1),
        ...when(
          // Items of code are shared out while it is followed.
          [
            ...load(get('at'), segment.code),
            ...op.ifI32,
            ...finished(get('at')),
            ...eqz,
            ...op.else,
            ...atomicLoad(get('at'), segment.next),
            ...load(get('at'), segment.items),
            ...lessThan,
            ...op.end,
          ],
          [
            ...forever([
              ...branchIf([...get('ready'), ...load(get('at'), segment.after), ...notLess], 1),
              ...waitFor(finished(get('ready'))),
              ...step('ready', segment.bytes),
            ]),
            ...otherwise(load(get('at'), segment.code), runCode, runSegment),
          ],
        ),
        ...step('at', segment.bytes),
      ]),
      ...get('result'),
    ],
  }
}

const kernelOfNothing: WasmFunction = { params: ['i32', 'i32', 'i32', 'i32'], results: [], locals: [], code: [] }

/** A module's functions and exports: kernels, and `run`. */
export function withRun(kernels: readonly WasmFunction[]): Pick<WasmModule, 'functions' | 'exports'> {
  const functions = kernels.length > 0 ? kernels : [kernelOfNothing]
  // The first function's type is type 0.
  return { functions: [...functions, runFunction(0)], exports: { run: functions.length } }
}
