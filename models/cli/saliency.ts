import { Command } from 'commander'

/** Pixels of a side of the picture that is written. */
const side = 448

export const saliencyCommand = (): Command =>
  new Command('saliency')
    .description(
      'Shows where in a picture a CLIP model sees a text, as a picture with colours from blue to red (Grad-CAM).',
    )
    .argument('<image>', 'a picture file')
    .requiredOption('--model <dir>', "a run's folder, or any CLIP folder")
    .requiredOption('--text <text>', 'what to look for')
    .requiredOption('--out <file>', 'the PNG file to write')
    .addHelpText(
      'after',
      `
The picture is shown as the model sees it: cropped to its middle square.

Example:
  fovea saliency --model runs/shapes --text 'a red circle' --out seen.png a.png`,
    )
    .action(async (image: string, options: { model: string; text: string; out: string }) => {
      const { decodeImage, encodePng, overlay, resizeAndCrop } = await import('../../stdlib/image/index.js')
      const { writeFileAtomic } = await import('../../stdlib/checkpoint/index.js')
      const { saliency } = await import('../clip/saliency.js')
      const { openModel } = await import('./model.js')
      const model = await openModel(options.model)
      const picture = await decodeImage(image)
      const { similarity, ...grid } = await saliency(model, picture, options.text)
      const shown = resizeAndCrop(picture, {
        ...model.preprocessor,
        size: { shortest_edge: side },
        do_center_crop: true,
        crop_size: side,
      })
      await writeFileAtomic(options.out, [await encodePng(overlay(shown, grid))])
      process.stdout.write(`${options.out}: cosine similarity ${similarity.toFixed(4)}\n`)
    })
