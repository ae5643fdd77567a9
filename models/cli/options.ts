import { InvalidArgumentError } from 'commander'

/** Parsers of option values: what doesn't fit is an error of the command line. */

export const whole =
  (least: number) =>
  (text: string): number => {
    const value = Number(text)
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < least)
      throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`)
    return value
  }

export const positive = (text: string): number => {
  const value = Number(text)
  if (!(value > 0 && value < Infinity)) throw new InvalidArgumentError('Expected a number above 0.')
  return value
}

export const notNegative = (text: string): number => {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value < Infinity))
    throw new InvalidArgumentError('Expected a number of at least 0.')
  return value
}

export const share = (text: string): number => {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('Expected a share between 0 and 1.')
  return value
}

/** 'a, b,c' as ['a', 'b', 'c']. */
export const list = (text: string): string[] => (text.trim() === '' ? [] : text.split(',').map((part) => part.trim()))
