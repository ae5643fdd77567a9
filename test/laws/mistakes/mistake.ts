/** A wrong program that a newcomer writes, what it does, and the message, without the place, that it must get. */
export type Mistake = readonly [name: string, run: () => unknown, message: string]
