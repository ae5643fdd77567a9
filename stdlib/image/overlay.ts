import sharp from 'sharp'
import type { Rgb } from './rgb.js'

/** A grid of numbers from 0 to 1. */
export interface Grid {
  readonly rows: number
  readonly columns: number
  readonly values: ArrayLike<number>
}

/** Blue, cyan, yellow, red: cold to hot, as in the pictures of most papers on saliency. */
const colours = [
  [0, 0, 131],
  [0, 60, 170],
  [5, 255, 255],
  [255, 255, 0],
  [250, 0, 0],
  [128, 0, 0],
] as const

/** The colour of a number from 0 to 1. */
function colour(value: number): readonly number[] {
  const at = Math.min(1, Math.max(0, value)) * (colours.length - 1)
  const i = Math.min(colours.length - 2, Math.floor(at))
  return colours[i].map((c, k) => c + (colours[i + 1][k] - c) * (at - i))
}

/** The grid between the centres of its cells, at a place from 0 to 1 of each side. */
function between({ rows, columns, values }: Grid, y: number, x: number): number {
  const place = (at: number, n: number): [number, number, number] => {
    const centre = Math.min(n - 1, Math.max(0, at * n - 0.5))
    const low = Math.min(n - 1, Math.floor(centre))
    return [low, Math.min(n - 1, low + 1), centre - low]
  }
  const [top, bottom, down] = place(y, rows)
  const [left, right, across] = place(x, columns)
  const at = (r: number, c: number): number => values[r * columns + c]
  const upper = at(top, left) * (1 - across) + at(top, right) * across
  const lower = at(bottom, left) * (1 - across) + at(bottom, right) * across
  return upper * (1 - down) + lower * down
}

/**
 * A picture under a grid of numbers from 0 to 1, in colours from blue to red, half and half.
 *
 * @example
 * const warm = overlay(picture, { rows: 1, columns: 2, values: [0, 1] })
 */
export function overlay(image: Rgb, grid: Grid): Rgb {
  const data = new Uint8Array(image.data.length)
  for (let y = 0, at = 0; y < image.height; y++)
    for (let x = 0; x < image.width; x++) {
      const paint = colour(between(grid, (y + 0.5) / image.height, (x + 0.5) / image.width))
      for (let k = 0; k < 3; k++, at++) data[at] = Math.round((image.data[at] + paint[k]) / 2)
    }
  return { width: image.width, height: image.height, data }
}

/**
 * A picture as the bytes of a PNG file.
 *
 * @example
 * await writeFile('cat.png', await encodePng(picture))
 */
export const encodePng = async ({ width, height, data }: Rgb): Promise<Uint8Array> =>
  sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer()
