import { FoveaError } from '../../compiler/trace/error.js'

/**
 * The part of Python's pickle format that weights need (PEP 307, PEP 3154; Lib/pickletools.py lists the opcodes). A pickle is a program for
 * a stack machine that may name any function and call it. This reader calls nothing: a name is looked up in `globals`, which
 * knows the few that weights are made of, and any other name is an error.
 */

/** What a name in the pickle stands for: called with a tuple (REDUCE), or made without arguments and filled later (NEWOBJ, BUILD). */
export interface Global {
  readonly call?: (args: readonly unknown[]) => unknown
  readonly create?: () => { state: unknown }
}

export interface PickleOptions {
  /** Undefined: the name is refused. */
  readonly global: (module: string, name: string) => Global | undefined
  /** What a persistent id stands for. */
  readonly persistent: (id: unknown) => unknown
}

const mark = Symbol('mark')
const utf8 = new TextDecoder()

/**
 * Reads a pickle. Dicts become Maps, lists and tuples arrays, None null, integers numbers.
 *
 * @throws FoveaError 'checkpoint' for a name that `global` refuses, an opcode that weights don't use, and bytes that are no pickle
 */
export function readPickle(bytes: Uint8Array, { global, persistent }: PickleOptions, file: string): unknown {
  const fail = (what: string): never => {
    throw new FoveaError('checkpoint', `cannot read ${file}: ${what}`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  const take = (n: number): number => {
    const from = at
    if (!(n >= 0) || from + n > bytes.length) fail('its pickle is cut off. Fetch it again.')
    at += n
    return from
  }
  const u8 = (): number => bytes[take(1)]
  const u32 = (): number => view.getUint32(take(4), true)
  const u64 = (): number => Number(view.getBigUint64(take(8), true))
  const raw = (n: number): Uint8Array => {
    const from = take(n)
    return bytes.subarray(from, from + n)
  }
  const text = (n: number): string => utf8.decode(raw(n))
  const line = (): string => {
    const end = bytes.indexOf(10, at)
    if (end < 0) fail('its pickle is cut off. Fetch it again.')
    const value = utf8.decode(bytes.subarray(at, end))
    at = end + 1
    return value
  }
  const long = (n: number): number => {
    let value = 0n
    const part = raw(n)
    for (let i = n - 1; i >= 0; i--) value = (value << 8n) | BigInt(part[i])
    if (n > 0 && part[n - 1] & 0x80) value -= 1n << BigInt(8 * n)
    return Number(value)
  }

  const stack: unknown[] = []
  const memo = new Map<number, unknown>()
  const push = (x: unknown): void => {
    stack.push(x)
  }
  const pop = (): unknown => (stack.length ? stack.pop() : fail('its pickle is damaged. Fetch it again.'))
  const top = (): unknown => stack[stack.length - 1]
  const toMark = (): unknown[] => {
    const from = stack.lastIndexOf(mark)
    if (from < 0) fail('its pickle is damaged. Fetch it again.')
    const items = stack.splice(from)
    return items.slice(1)
  }
  const named = (module: string, name: string): Global =>
    global(module, name) ??
    fail(
      `its pickle asks for '${module}.${name}', which is no part of weights; nothing of it was run. Save the state dict alone, best as safetensors.`,
    )
  const setItems = (into: unknown, items: readonly unknown[]): void => {
    if (!(into instanceof Map)) fail('its pickle is damaged. Fetch it again.')
    for (let i = 0; i < items.length; i += 2) (into as Map<unknown, unknown>).set(items[i], items[i + 1])
  }
  const append = (into: unknown, items: readonly unknown[]): void => {
    if (!Array.isArray(into)) fail('its pickle is damaged. Fetch it again.')
    for (const item of items) (into as unknown[]).push(item)
  }
  const tuple = (n: number): void => {
    if (stack.length < n) fail('its pickle is damaged. Fetch it again.')
    push(stack.splice(stack.length - n))
  }
  const recall = (n: number): void => push(memo.has(n) ? memo.get(n) : fail('its pickle is damaged. Fetch it again.'))

  /** By opcode. */
  const steps: Readonly<Record<number, () => void>> = {
    128: () => void u8(), // PROTO
    149: () => void u64(), // FRAME
    40: () => push(mark),
    48: () => void pop(), // POP
    49: () => void toMark(), // POP_MARK
    50: () => push(top()), // DUP
    78: () => push(null), // NONE
    136: () => push(true),
    137: () => push(false),
    74: () => push(view.getInt32(take(4), true)), // BININT
    75: () => push(u8()), // BININT1
    77: () => push(view.getUint16(take(2), true)), // BININT2
    138: () => push(long(u8())), // LONG1
    139: () => push(long(u32())), // LONG4
    71: () => push(view.getFloat64(take(8), false)), // BINFLOAT
    88: () => push(text(u32())), // BINUNICODE
    140: () => push(text(u8())), // SHORT_BINUNICODE
    141: () => push(text(u64())), // BINUNICODE8
    84: () => push(text(u32())), // BINSTRING
    85: () => push(text(u8())), // SHORT_BINSTRING
    66: () => push(raw(u32())), // BINBYTES
    67: () => push(raw(u8())), // SHORT_BINBYTES
    93: () => push([]), // EMPTY_LIST
    97: () => {
      const item = pop()
      append(top(), [item])
    },
    101: () => {
      const items = toMark()
      append(top(), items)
    },
    41: () => push([]), // EMPTY_TUPLE
    116: () => push(toMark()), // TUPLE
    133: () => tuple(1),
    134: () => tuple(2),
    135: () => tuple(3),
    125: () => push(new Map()), // EMPTY_DICT
    115: () => {
      const [value, key] = [pop(), pop()]
      setItems(top(), [key, value])
    },
    117: () => {
      const items = toMark()
      setItems(top(), items)
    },
    113: () => void memo.set(u8(), top()), // BINPUT
    114: () => void memo.set(u32(), top()), // LONG_BINPUT
    148: () => void memo.set(memo.size, top()), // MEMOIZE
    104: () => recall(u8()), // BINGET
    106: () => recall(u32()), // LONG_BINGET
    99: () => push(named(line(), line())), // GLOBAL
    147: () => {
      const [name, module] = [pop(), pop()]
      push(named(String(module), String(name)))
    },
    81: () => push(persistent(pop())), // BINPERSID
    82: () => {
      const [args, f] = [pop(), pop()]
      const { call } = (f ?? {}) as Global
      push(call && Array.isArray(args) ? call(args) : fail('its pickle calls what can not be called.'))
    },
    129: () => {
      const [, f] = [pop(), pop()]
      const { create } = (f ?? {}) as Global
      push(create ? create() : fail('its pickle makes an object that is no part of weights.'))
    },
    98: () => {
      const state = pop()
      const object = top()
      if (typeof object === 'object' && object !== null && 'state' in object) object.state = state
    },
  }
  for (;;) {
    const opcode = u8()
    if (opcode === 0x2e) return pop() // STOP
    const step = steps[opcode]
    if (!step)
      fail(`its pickle uses opcode 0x${opcode.toString(16)}, which weights don't need. Save it as safetensors.`)
    step()
  }
}
