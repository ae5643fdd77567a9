import fc from 'fast-check'
import type { Fn } from '../../compiler/ir/types.js'
import type { AnyTensor, RefArray } from '../../compiler/ops/op.js'
import { draws } from './fuzz/draw.js'
import { generate } from './fuzz/generate.js'
import { call, type RandomProgram, show } from './fuzz/program.js'
import { simpler } from './fuzz/shrink.js'
import { hostTensor } from './values.js'

/** A random function with arguments. `toString` gives its IR, which is what fast-check prints of a counterexample. */
export interface TestProgram {
  readonly f: (...xs: AnyTensor[]) => AnyTensor[]
  readonly args: AnyTensor[]
  /** What `f` is, and the elements of `args`. */
  readonly fn: Fn
  readonly inputs: readonly RefArray[]
  toString(): string
}

export interface ProgramOptions {
  /** Most steps, each an op and what fits its operands; default 10. */
  readonly maxLength?: number
}

/**
 * Well-typed programs of all ops, in ranges where f32 is exact to a few digits. They shrink to few equations, small shapes
 * and simple numbers.
 *
 * @example
 * await fc.assert(fc.asyncProperty(programs({ maxLength: 4 }), ({ f, args }) => checkJit(f, args)), { numRuns: 5 })
 */
export const programs = (options: ProgramOptions = {}): fc.Arbitrary<TestProgram> => new Programs(options)

const testProgram = ({ fn, inputs }: RandomProgram): TestProgram => ({
  f: (...xs) => call(fn, xs),
  args: inputs.map(hostTensor),
  fn,
  inputs,
  toString: () => show({ fn, inputs }),
})

/** fast-check's interface for what brings its own shrinking is a class. */
class Programs extends fc.Arbitrary<TestProgram> {
  constructor(private readonly options: ProgramOptions) {
    super()
  }
  override generate(random: fc.Random): fc.Value<TestProgram> {
    const program = generate(
      draws(() => random.nextInt(0, 2 ** 31 - 1) * 2),
      this.options,
    )
    return new fc.Value(testProgram(program), undefined)
  }
  override canShrinkWithoutContext(value: unknown): value is TestProgram {
    return typeof value === 'object' && value !== null && 'fn' in value && 'inputs' in value
  }
  override shrink(value: TestProgram): fc.Stream<fc.Value<TestProgram>> {
    return fc.stream(simpler(value)).map((program) => new fc.Value(testProgram(program), undefined))
  }
}
