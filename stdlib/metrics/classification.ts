import { FoveaError } from '../../compiler/trace/error.js'

const sameLength = (what: string, a: ArrayLike<unknown>, b: ArrayLike<unknown>): void => {
  if (a.length !== b.length || a.length === 0)
    throw new FoveaError(
      'input',
      `${what}: expected as many predictions as labels, and at least one, got ${a.length} and ${b.length}`,
    )
}

/**
 * The share of predictions that are right.
 * Throws FoveaError 'input' when there are none, or not as many as labels.
 *
 * @example
 * accuracy([0, 1, 1, 2], [0, 1, 2, 2]) // 0.75
 */
export function accuracy(predicted: ArrayLike<number>, labels: ArrayLike<number>): number {
  sameLength('accuracy', predicted, labels)
  let right = 0
  for (let i = 0; i < labels.length; i++) if (predicted[i] === labels[i]) right++
  return right / labels.length
}

/**
 * The share of rows of scores whose label is among the `k` highest: `scores` holds `labels.length` rows. Of equal scores the label's comes
 * last, so that a constant score is worth nothing.
 *
 * @example
 * topKAccuracy([0.1, 0.7, 0.2, 0.5, 0.3, 0.2], [2, 2], 2) // 0.5
 */
export function topKAccuracy(scores: ArrayLike<number>, labels: ArrayLike<number>, k: number): number {
  const classes = scores.length / labels.length
  if (!Number.isInteger(classes) || !(k >= 1))
    throw new FoveaError(
      'input',
      `topKAccuracy: expected rows of scores for ${labels.length} labels and k of at least 1, got ${scores.length} scores and k ${k}`,
    )
  let right = 0
  for (let row = 0; row < labels.length; row++) {
    const own = scores[row * classes + labels[row]]
    let before = 0
    for (let c = 0; c < classes; c++) if (c !== labels[row] && scores[row * classes + c] >= own) before++
    if (before < k) right++
  }
  return right / labels.length
}

/** Counts by true class (row) and predicted class (column). */
export interface Confusion {
  readonly classes: number
  /** `classes · classes` counts, row by row. */
  readonly counts: Float64Array
}

/**
 * How often each class was taken for each.
 *
 * @example
 * confusionMatrix([0, 1, 1], [0, 1, 0], 2).counts // Float64Array(4) [ 1, 1, 0, 1 ]
 */
export function confusionMatrix(predicted: ArrayLike<number>, labels: ArrayLike<number>, classes: number): Confusion {
  sameLength('confusionMatrix', predicted, labels)
  const counts = new Float64Array(classes * classes)
  for (let i = 0; i < labels.length; i++) {
    const place = labels[i] * classes + predicted[i]
    if (!(labels[i] >= 0 && labels[i] < classes && predicted[i] >= 0 && predicted[i] < classes))
      throw new FoveaError(
        'input',
        `confusionMatrix: expected classes 0 … ${classes - 1}, got label ${labels[i]} and prediction ${predicted[i]}`,
      )
    counts[place]++
  }
  return { classes, counts }
}
