import { join } from 'node:path'
import { Command } from 'commander'
import { drawShapes } from '../../stdlib/data/index.js'
import { classify } from '../clip/classify.js'
import { evaluateShapes, shapePrompts } from '../clip/evaluate.js'
import { recipe } from '../clip/recipe.js'
import { readProgress } from '../clip/run.js'
import { probabilityTable } from './classify.js'
import { whole } from './options.js'
import { runProgram } from './report.js'
import { trainWithProgress } from './training.js'

/** `npm start`: draws a world of shapes, trains a CLIP on it, and measures it on pictures it has never seen. */
const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

async function start({ seed }: { seed: number }): Promise<void> {
  const folder = join('runs', `shapes-${seed}`)
  const [train, test, out] = ['train', 'test', 'model'].map((name) => join(folder, name))
  const { imageSize: size, trainImages, testImages } = recipe
  say(`data: ${trainImages} pictures to learn from in ${train}, ${testImages} others in ${test}`)
  // Seeds apart from every other run's: no picture is in both worlds.
  await drawShapes(train, { count: trainImages, seed: 2 * seed, size })
  await drawShapes(test, { count: testImages, seed: 2 * seed + 1, size })

  const before = await readProgress(out)
  if (before && before.step < before.options.steps) say(`going on from step ${before.step} in ${out}`)
  if (before && before.step === before.options.steps) say(`already trained in ${out}; remove it to train anew`)
  const { steps, batchSize, lr, warmup, weightDecay, muonLr, imageSize, maxLength } = recipe
  const settings = { steps, batchSize, lr, warmup, weightDecay, muonLr, imageSize, maxLength, seed }
  const { clip, checkpoint } = await trainWithProgress({ ...settings, data: train, out, resume: before !== undefined })

  const { accuracy, images, classes } = await evaluateShapes(clip, test)
  const some = Array.from({ length: 6 }, (_, i) => join(test, 'images', `${String(i + 1).padStart(6, '0')}.png`))
  const results = []
  for await (const result of classify(clip, some, shapePrompts)) results.push(result)
  say(`\n${probabilityTable(results)}\n`)
  say(`try it: npm run fovea -- classify --model ${checkpoint} --labels 'a red circle,a blue square' ${some[0]}`)
  const seconds = Math.round(performance.now() / 1000)
  say(`zero-shot accuracy ${accuracy.toFixed(2)} (${classes} classes, ${images} images, ${seconds} s)`)
}

const command = new Command('npm start --')
  .description('Trains a small CLIP from scratch and classifies pictures it has never seen.')
  .option('--seed <n>', 'of the pictures, the new model and the order', whole(0), recipe.seed)
  .addHelpText('after', '\nExample:\n  npm start -- --seed 2')
  .action(start)
process.exitCode = await runProgram(command, process.argv.slice(2))
