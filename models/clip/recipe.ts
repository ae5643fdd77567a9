/** How `npm start` trains, and the defaults of `fovea train clip`. */
export const recipe = {
  steps: 1800,
  batchSize: 48,
  /** Peak of the learning rate; warm-up and half a cosine down to 0. */
  lr: 3e-3,
  warmup: 180,
  weightDecay: 0.1,
  /** Muon, for the image tower's matrices. */
  muonLr: 0.02,
  momentum: 0.9,
  // Radford et al. 2021, table 8 (ViT).
  betas: [0.9, 0.98],
  eps: 1e-6,
  seed: 1,
  /** Pixels. */
  imageSize: 32,
  /** Tokens of a text, the two that frame it included. */
  maxLength: 16,
  vocabSize: 1024,
  /** Steps between checkpoints. */
  saveEvery: 200,
  /** Pictures drawn by `npm start`: to train on, and to measure with. */
  trainImages: 8000,
  testImages: 480,
} as const
