/** Pillow's resampling filters. */
export type Filter = 'nearest' | 'lanczos' | 'bilinear' | 'bicubic' | 'box' | 'hamming'

/** In the order of Pillow's numbers: `filters[3]` is bicubic. */
export const filters: readonly Filter[] = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming']

export interface Kernel {
  /** Beyond this distance all weights are 0. */
  readonly support: number
  readonly weight: (x: number) => number
}

/**
 * The kernels of python-pillow/Pillow, src/libImaging/Resample.c, operation by operation, since a weight that differs in
 * its last bits can round to another byte. 'nearest' has none: it takes pixels as they are.
 */
export const kernels: Readonly<Record<Exclude<Filter, 'nearest'>, Kernel>> = {
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: cubic },
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  hamming: { support: 1, weight: hamming },
}

/** Keys, "Cubic convolution interpolation for digital image processing" (1981), with a = -0.5. */
function cubic(x: number): number {
  const d = Math.abs(x)
  if (d < 1) return (1.5 * d - 2.5) * d * d + 1
  if (d < 2) return (((d - 5) * d + 8) * d - 4) * -0.5
  return 0
}

/** A sinc of one lobe under the window of Hamming, "Digital Filters" (1977). */
function hamming(x: number): number {
  return Math.abs(x) < 1 ? sinc(x) * (0.54 + 0.46 * Math.cos(Math.abs(x) * Math.PI)) : 0
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI)
}
