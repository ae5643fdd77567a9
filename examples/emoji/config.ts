import { smallConfig } from '../../models/clip/index.js'

/** Towers of 96 features, of 4 layers for pictures and 2 for texts. */
export const emojiConfig: typeof smallConfig = (sizes) => {
  const small = smallConfig(sizes)
  const tower = { hidden_size: 96, intermediate_size: 384, num_attention_heads: 4 }
  return {
    ...small,
    projection_dim: 96,
    text_config: { ...small.text_config, ...tower, num_hidden_layers: 2 },
    vision_config: { ...small.vision_config, ...tower, num_hidden_layers: 4 },
  }
}
