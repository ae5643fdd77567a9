import { createHash } from 'node:crypto'
import type { Program } from '../../compiler/ir/program.js'

/**
 * A program as bytes: a line with the format's number and the SHA-256 of its key and of all that follows; the length
 * of the JSON, 32 bits little-endian; the program without its WebAssembly as JSON; the WebAssembly.
 */
const format = 'fovea program 1 '
const hashLength = 64
const start = format.length + hashLength + 1

export function encodeProgram({ wasm, ...rest }: Program, key: string): Uint8Array {
  const json = Buffer.from(JSON.stringify(rest))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(json.length)
  const body = Buffer.concat([length, json, wasm ?? Buffer.alloc(0)])
  return Buffer.concat([Buffer.from(`${format}${hashOf(body, key)}\n`), body])
}

/** The program that was kept under this key; undefined for bytes that are anything else. */
export function decodeProgram(bytes: Buffer, key: string): Program | undefined {
  const body = bytes.subarray(start)
  if (bytes.toString('latin1', 0, start) !== `${format}${hashOf(body, key)}\n`) return undefined
  const end = 4 + body.readUInt32LE(0)
  const rest: Program = JSON.parse(body.toString('utf8', 4, end))
  return end < body.length ? { ...rest, wasm: new Uint8Array(body.subarray(end)) } : rest
}

const hashOf = (body: Uint8Array, key: string): string => createHash('sha256').update(key).update(body).digest('hex')
