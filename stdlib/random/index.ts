export { bits, foldIn, type Key, key, normal, split, uniform } from './random.js'
