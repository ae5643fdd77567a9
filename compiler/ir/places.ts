import type { Program } from './program.js'
import type { Eqn, Fn, Loc } from './types.js'

/** Where an equation comes from in the user's code. */
export type Place = Pick<Eqn, 'loc' | 'scope'>

/**
 * The function with numbers for its places, counted in the order of its text, and the places by number. What is compiled
 * from it depends on nothing that `print(fn, { places: false })` leaves out. An equation without a place of its own has that
 * of the equation that runs its function.
 */
export function numberPlaces(fn: Fn): { readonly fn: Fn; readonly places: readonly Place[] } {
  const places: Place[] = []
  const numbered = (fn: Fn, outer: Place): Fn => ({
    ...fn,
    eqns: fn.eqns.map((eqn) => {
      const place = { loc: eqn.loc ?? outer.loc, scope: eqn.scope || outer.scope }
      const loc: Loc = { file: '', line: places.push(place) - 1, column: 0 }
      return { ...eqn, loc, scope: '', ...(eqn.fns && { fns: eqn.fns.map((f) => numbered(f, place)) }) }
    }),
  })
  return { fn: numbered(fn, { scope: '' }), places }
}

/** The program of a function with numbers for places, with the places instead. */
export const fillPlaces = (program: Program, places: readonly Place[]): Program => ({
  ...program,
  dispatches: program.dispatches.map((d) => ({ ...d, ...(d.loc ? places[d.loc.line] : { scope: '' }) })),
})
