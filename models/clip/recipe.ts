/** How `npm start` trains, and the defaults of `fovea train clip`. */
export const recipe = {
  steps: 2000,
  batchSize: 64,
  /** Peak of the learning rate; warm-up, then half a cosine to nearly 0. */
  lr: 3e-3,
  warmup: 200,
  weightDecay: 0.1,
  /** Muon, for matrices: peak of its rate. */
  muonLr: 0.02,
  momentum: 0.9,
  muonWeightDecay: 0.15,
  // Radford et al. 2021, table 8 (ViT).
  betas: [0.9, 0.98],
  eps: 1e-6,
  seed: 1,
  accumulate: 1,
  freeze: 'none',
  layerDecay: 1,
  ema: 0,
  /** Longest gradient, of all parameters as one vector; 0: any. */
  clipGradNorm: 0,
  /** Least share of a picture that a crop keeps; 1: no crops. The paper's is 0.9. */
  cropScale: 1,
  flip: false,
  /** Pixels. */
  imageSize: 32,
  /** Tokens of a text, the two that frame it included. */
  maxLength: 16,
  vocabSize: 1024,
  /** Steps between checkpoints. */
  saveEvery: 200,
  /** Pictures drawn by `npm start`: to train on, and to measure with. */
  trainImages: 12000,
  testImages: 480,
} as const
