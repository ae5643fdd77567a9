/**
 * Channels that PIL's `convert('RGB')` treats in its own way (python-pillow/Pillow, src/libImaging/Convert.c). Colour
 * profiles play no part in either.
 */

/** Cyan, magenta, yellow and black, 255 for full ink: each of red, green, blue is what black leaves, less the ink's share of that. */
export function cmykToRgb(cmyk: Uint8Array): Uint8Array {
  const pixels = cmyk.length / 4
  const rgb = new Uint8Array(pixels * 3)
  for (let i = 0; i < pixels; i++) {
    const left = 255 - cmyk[i * 4 + 3]
    for (let c = 0; c < 3; c++) rgb[i * 3 + c] = left - productOver255(cmyk[i * 4 + c], left)
  }
  return rgb
}

/** a * b / 255, rounded, as Pillow's MULDIV255. */
function productOver255(a: number, b: number): number {
  const product = a * b + 128
  return ((product >> 8) + product) >> 8
}

/** Grey of 16 bits is cut off at 255, not scaled, and then repeated. */
export function grey16ToRgb(grey: Uint16Array): Uint8Array {
  const rgb = new Uint8Array(grey.length * 3)
  for (let i = 0; i < grey.length; i++) rgb.fill(Math.min(grey[i], 255), i * 3, i * 3 + 3)
  return rgb
}
