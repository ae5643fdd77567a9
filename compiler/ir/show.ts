/** What to print while compiling: the stages named in FOVEA_SHOW. */
export type Show = (stage: 'ir' | 'passes' | 'kernels' | 'plan', text: () => string) => void
