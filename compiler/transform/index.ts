export type { GradOptions, Grads } from '../types/transform.js'
export { grad, valueAndGrad } from './grad.js'
export { jvp } from './jvp.js'
export { vjp } from './vjp.js'
