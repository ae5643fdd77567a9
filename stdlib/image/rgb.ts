/** A picture in memory: interleaved red, green, blue bytes, row by row, `height * width * 3` of them. */
export interface Rgb {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}
