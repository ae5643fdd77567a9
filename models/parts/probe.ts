import type { Tensor } from '../../index.js'

/**
 * Looks into a model on its way: called with each state that has a name, a probe may keep it, and gives back what the model goes on
 * with, the state itself or another of its shape.
 */
export type Probe = (name: string, state: Tensor<any, 'f32'>) => Tensor<any, 'f32'>
