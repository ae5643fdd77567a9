/**
 * Writes ONNX models: protocol buffers by the field numbers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, as far as
 * the bench needs them.
 */
const bytesOf = (text) => new TextEncoder().encode(text)
function varint(n) {
  const out = []
  for (let rest = BigInt.asUintN(64, BigInt(n)); ; rest >>= 7n) {
    if (rest < 128n) return Uint8Array.from([...out, Number(rest)])
    out.push(Number(rest & 127n) | 128)
  }
}
function join(parts) {
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
const int = (field, n) => join([varint(field << 3), varint(n)])
const data = (field, bytes) => join([varint((field << 3) | 2), varint(bytes.length), bytes])
const text = (field, s) => data(field, bytesOf(s))
const message = (field, ...parts) => data(field, join(parts))
const float = (field, x) => join([varint((field << 3) | 5), new Uint8Array(Float32Array.of(x).buffer)])

/** AttributeProto.type: 1 float, 2 integer, 7 integers. */
function attribute([name, value]) {
  const parts = Array.isArray(value)
    ? [...value.map((n) => int(8, n)), int(20, 7)]
    : Number.isInteger(value)
      ? [int(3, value), int(20, 2)]
      : [float(2, value), int(20, 1)]
  return message(5, text(1, name), ...parts)
}

/** TensorProto of f32 (data type 1). */
function initializer([name, { shape, values }]) {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  return message(5, ...shape.map((n) => int(1, n)), int(2, 1), text(8, name), data(9, raw))
}

const valueInfo = (field, name, shape) => {
  const dims = shape.map((n) => message(1, int(1, n)))
  return message(field, text(1, name), message(2, message(1, int(1, 1), message(2, ...dims))))
}

/** A graph in the making, of named inputs (shapes) and constants: `node` appends one and returns what its output is called. */
export function graph(inputs, constants) {
  const nodes = []
  let names = 0
  return {
    node(op, from, attributes = {}, { outputs = 1, domain = '' } = {}) {
      const to = Array.from({ length: outputs }, () => `t${names++}`)
      const attrs = Object.entries(attributes).map(attribute)
      nodes.push(
        message(
          1,
          ...from.map((x) => text(1, x)),
          ...to.map((x) => text(2, x)),
          text(4, op),
          ...attrs,
          text(7, domain),
        ),
      )
      return outputs === 1 ? to[0] : to
    },
    /** The model's bytes, with one f32 output of this shape. */
    model: (output, shape) =>
      join([
        int(1, 9),
        message(
          7,
          ...nodes,
          text(2, 'bench'),
          ...Object.entries(constants).map(initializer),
          ...Object.entries(inputs).map(([name, dims]) => valueInfo(11, name, dims)),
          valueInfo(12, output, shape),
        ),
        message(8, text(1, ''), int(2, 20)),
        message(8, text(1, 'com.microsoft'), int(2, 1)),
      ]),
  }
}
