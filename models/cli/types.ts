import { basename } from 'node:path'
import { Command } from 'commander'

export const typesCommand = (): Command =>
  new Command('types')
    .description("Writes the TypeScript interface of a checkpoint's parameters, with literal shapes.")
    .argument('<path>', "a model's folder, or a .safetensors, .pt or .bin file")
    .option('-o, --out <file>', 'file to write (default: print it)')
    .option('--name <name>', 'of the interface', 'Params')
    .addHelpText(
      'after',
      `
Names are read as Fovea's trees of parameters are: a.0.weight is { a: [{ weight }] }. Half precision is typed as f32, which it is read as.

Example:
  fovea types checkpoints/clip -o clip-params.ts --name ClipParams`,
    )
    .action(async (path: string, { out, name }: { out?: string; name: string }, command: Command) => {
      if (!/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name))
        command.error(`error: option '--name <name>' argument '${name}' is invalid. Expected a TypeScript name.`)
      const { paramsInterface, readShapes, writeFileAtomic } = await import('../../stdlib/checkpoint/index.js')
      const shapes = await readShapes(path)
      const text = `// Written by 'fovea types' from ${basename(path)}.\n${paramsInterface(shapes, name)}`
      if (!out) process.stdout.write(text)
      else {
        await writeFileAtomic(out, [new TextEncoder().encode(text)])
        process.stderr.write(`${out}: ${shapes.size} tensors\n`)
      }
    })
