import { Command, Option } from 'commander'
import { recipe } from '../clip/recipe.js'
import type { TrainOptions } from '../clip/train.js'
import { notNegative, positive, share, whole } from './options.js'

export const trainCommand = (): Command =>
  new Command('train').description('Trains a model.').addCommand(trainClipCommand())

// Defaults stand in the descriptions and not as values: a resumed run takes what isn't given from its checkpoint.
const trainClipCommand = (): Command =>
  new Command('clip')
    .description('Trains a CLIP on pictures with captions.')
    .requiredOption('--data <path>', 'a folder with captions.jsonl or captions.csv, COCO captions, or a TSV')
    .option('--images <dir>', 'where the pictures of COCO or a TSV are, if not beside the captions')
    .requiredOption('--out <dir>', 'where checkpoint/, metrics.jsonl and loss.png go')
    .option('--resume', 'go on from the checkpoint in --out, with the options it was started with')
    .option('--from <dir>', 'start from this CLIP folder instead of a new model')
    .option('--steps <n>', `updates (default: ${recipe.steps})`, whole(1))
    .option('--batch-size <n>', `pairs an update (default: ${recipe.batchSize})`, whole(2))
    .option('--lr <rate>', `peak of the learning rate (default: ${recipe.lr})`, positive)
    .option('--warmup <n>', `steps to the peak (default: ${recipe.warmup}, a tenth of the steps at most)`, whole(0))
    .option('--weight-decay <rate>', `AdamW's decay (default: ${recipe.weightDecay})`, notNegative)
    .option(
      '--muon-lr <rate>',
      `peak of Muon's rate, for matrices; 0: AdamW for all (default: ${recipe.muonLr})`,
      notNegative,
    )
    .option('--max-corrupt <share>', 'of records that may be skipped (default: 0.01)', share)
    .option('--seed <n>', `of the new model and the order of pictures (default: ${recipe.seed})`, whole(0))
    .option(
      '--accumulate <n>',
      'parts in which a batch goes through the towers, for less memory (default: 1)',
      whole(1),
    )
    .addOption(new Option('--freeze <tower>', 'train all but this tower').choices(['none', 'image', 'text']))
    .option('--layer-decay <rate>', 'of learning rates, a layer, from the top down (default: 1)', share)
    .option(
      '--clip-grad-norm <n>',
      'scale longer gradients down to this norm, over all parameters (default: none)',
      notNegative,
    )
    .option('--ema <decay>', 'also save checkpoint/ema/, a running mean of the parameters (default: none)', share)
    .option(
      '--crop-scale <share>',
      'crop pictures at random to at least this share of them (default: 1, no crops)',
      share,
    )
    .option('--flip', 'mirror pictures at random (default: no)')
    .option('--image-size <pixels>', `of a new model (default: ${recipe.imageSize})`, whole(8))
    .option('--max-length <tokens>', `of a new model's texts (default: ${recipe.maxLength})`, whole(3))
    .option('--eval-data <dir>', 'captioned pictures to measure retrieval on; the best model is kept in best/')
    .option('--eval-every <n>', 'steps between evaluations (default: a tenth of all)', whole(1))
    .option('--save-every <n>', 'steps between checkpoints', whole(1), recipe.saveEvery)
    .addHelpText(
      'after',
      `
Ctrl-C saves and ends with status 130; --resume then goes on to the same numbers as an unbroken run.
The checkpoint is a folder in Hugging Face's layout.

Example:
  fovea train clip --data shapes --out runs/shapes --steps 600`,
    )
    .action(async (options: TrainOptions) => {
      const { trainWithProgress } = await import('./training.js')
      await trainWithProgress(options)
    })
