export { type CategoricalOptions, type ChoiceOptions, categorical, choice, permutation } from './categorical.js'
export { cauchy, exponential, gumbel, laplace, logistic, normal, truncatedNormal } from './continuous.js'
export { bits, foldIn, type Key, key, split } from './keys.js'
export { bernoulli, rademacher, randint, uniform } from './uniform.js'
