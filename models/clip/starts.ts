/** How one parameter starts: a normal distribution of this standard deviation, or a constant. */
export interface Start {
  readonly shape: readonly number[]
  readonly dtype: 'f32'
  readonly std?: number
  readonly value?: number
}
export const drawn = (shape: readonly number[], std: number): Start => ({ shape, dtype: 'f32', std })
export const constant = (shape: readonly number[], value: number): Start => ({ shape, dtype: 'f32', value })
/** A normalisation that begins as none. */
export const norm = (d: number) => ({ bias: constant([d], 0), weight: constant([d], 1) })
