import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import sharp from 'sharp'
import { FoveaError } from '../../compiler/trace/error.js'

/**
 * A small world of drawn shapes: one coloured shape per picture, and a caption that says what it is.
 * It is rich enough to train a CLIP on from nothing within minutes, and small enough to draw on the spot.
 */

export const shapeNames = ['circle', 'square', 'triangle', 'cross'] as const
export const shapeColours = ['red', 'green', 'blue', 'yellow', 'purple', 'white'] as const
/** The 24 classes of the world, shape by shape: 'red circle', 'green circle', … */
export const shapeLabels: readonly string[] = shapeNames.flatMap((shape) => shapeColours.map((c) => `${c} ${shape}`))

export type ShapeName = (typeof shapeNames)[number]
export type ShapeColour = (typeof shapeColours)[number]

/** One line of captions.jsonl. `size` and `position` are null where the picture shows neither end. */
export interface ShapeRecord {
  readonly image: string
  readonly caption: string
  readonly shape: ShapeName
  readonly colour: ShapeColour
  readonly size: 'small' | 'large' | null
  readonly position: 'top left' | 'top right' | 'bottom left' | 'bottom right' | null
}

export interface ShapesOptions {
  /** How many pictures. */
  readonly count: number
  /** Same seed, same world; picture i is the same for every count. */
  readonly seed: number
  /** Width and height in pixels, 32 by default. */
  readonly size?: number
  /** Called after every few pictures. */
  readonly onProgress?: (done: number, total: number) => void
}

/** Hue in degrees, saturation and value in 0…1, each from … to. */
const palette: Record<ShapeColour, readonly [[number, number], [number, number], [number, number]]> = {
  red: [
    [-8, 8],
    [0.85, 1],
    [0.75, 1],
  ],
  green: [
    [108, 132],
    [0.8, 1],
    [0.45, 1],
  ],
  blue: [
    [222, 246],
    [0.85, 1],
    [0.75, 1],
  ],
  yellow: [
    [52, 64],
    [0.85, 1],
    [0.8, 1],
  ],
  purple: [
    [274, 304],
    [0.8, 1],
    [0.48, 0.95],
  ],
  white: [
    [0, 360],
    [0, 0.05],
    [0.88, 1],
  ],
}

/** Bump when the same seed no longer draws the same pictures: old folders are then not mistaken for new ones. */
const version = 1

/**
 * Draws the world into `folder`: `images/000001.png` … and `captions.jsonl`, one {@link ShapeRecord} a line.
 * The folder appears whole or not at all. A folder that already holds this very world is left as it is.
 *
 * @returns where the captions lie, and whether they were there before
 * @throws FoveaError 'input' for a bad option, or if `folder` holds anything else
 * @example
 * const { captions } = await drawShapes('shapes/test', { count: 480, seed: 2 })
 */
export async function drawShapes(
  folder: string,
  options: ShapesOptions,
): Promise<{ captions: string; reused: boolean }> {
  const { count, seed, size = 32, onProgress } = options
  check('count', count, 1, 999_999)
  check('seed', seed, 0, 0xffffffff)
  check('size', size, 16, 1024)
  const target = resolve(folder)
  const captions = join(target, 'captions.jsonl')
  const stamp = `${JSON.stringify({ world: 'shapes', version, count, seed, size })}\n`
  if (await alreadyDrawn(target, stamp)) return { captions, reused: true }

  const draft = join(dirname(target), `.shapes-${randomUUID()}`)
  await mkdir(join(draft, 'images'), { recursive: true })
  // One batch is encoded while the next is drawn.
  let encoding: Promise<unknown> = Promise.resolve()
  try {
    const lines: string[] = []
    const batch = 64
    for (let start = 0; start < count; start += batch) {
      const scenes = Array.from({ length: Math.min(batch, count - start) }, (_, k) => scene(seed, start + k, size))
      await encoding
      encoding = Promise.all(
        scenes.map(({ record, pixels }) =>
          sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
            .png({ compressionLevel: 6, adaptiveFiltering: false })
            .toFile(join(draft, record.image)),
        ),
      )
      encoding.catch(() => {}) // Its failure is met where it is waited for.
      for (const { record } of scenes) lines.push(`${JSON.stringify(record)}\n`)
      onProgress?.(lines.length, count)
    }
    await encoding
    await writeFile(join(draft, 'captions.jsonl'), lines.join(''))
    await writeFile(join(draft, 'shapes.json'), stamp)
    await rmdir(target).catch(() => {}) // An empty folder may stand there; Windows renames onto none.
    await rename(draft, target)
  } finally {
    await encoding.catch(() => {}) // Nothing writes into the folder any more.
    await rm(draft, { recursive: true, force: true, maxRetries: 3 })
  }
  return { captions, reused: false }
}

function check(name: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return
  throw new FoveaError('input', `drawShapes: ${name} must be a whole number from ${low} to ${high}, got ${value}`)
}

async function alreadyDrawn(target: string, stamp: string): Promise<boolean> {
  const names = await readdir(target).catch((e: NodeJS.ErrnoException) => {
    if (e.code === 'ENOENT') return []
    throw new FoveaError('input', `drawShapes: ${target} is no folder that can be read: ${e.message}`)
  })
  if (names.length === 0) return false
  const found = await readFile(join(target, 'shapes.json'), 'utf8').catch(() => undefined)
  if (found === stamp) return true
  const holds = found === undefined ? `other files (${names.slice(0, 3).join(', ')})` : `the world ${found.trim()}`
  throw new FoveaError(
    'input',
    `drawShapes: expected an empty or new folder for ${stamp.trim()}, but ${target} holds ${holds}; ` +
      'name another folder or remove this one',
  )
}

interface Look {
  readonly shape: ShapeName
  readonly colour: ShapeColour
  /** Centre and half extent in pixels, turn in radians, half width of a cross's arms as a part of the half extent. */
  readonly x: number
  readonly y: number
  readonly half: number
  readonly turn: number
  readonly arm: number
}

/** Picture number `index` of the world `seed`: what it shows, what it is called, its RGB bytes. */
function scene(seed: number, index: number, size: number): { record: ShapeRecord; pixels: Uint8Array } {
  const classes = shapeLabels.length
  // Every run of 24 pictures shows every class once, in an order of its own.
  const order = shuffled(classes, random(seed, ~Math.floor(index / classes)))
  const pick = order[index % classes]
  const shape = shapeNames[Math.floor(pick / shapeColours.length)]
  const colour = shapeColours[pick % shapeColours.length]
  const rand = random(seed, index)
  const between = (low: number, high: number): number => low + (high - low) * rand()

  // A quarter to three quarters of the picture across; of 32 pixels, small is below 13 and large above 16.
  const across = between(0.25, 0.75)
  const named = across < 13 / 32 ? 'small' : across > 0.5 ? 'large' : null
  const half = (size * across) / 2
  // The centre keeps the shape in the picture. A place has a name from a tenth of the picture off the middle on.
  const reach = size / 2 - half
  const off = (): number =>
    rand() < 0.75 && reach > size / 10 ? between(size / 10, reach) * sign() : between(-reach, reach)
  const sign = (): number => (rand() < 0.5 ? -1 : 1)
  const [dx, dy] = [off(), off()]
  const corner = Math.min(Math.abs(dx), Math.abs(dy)) >= size / 10
  const position = corner ? (`${dy < 0 ? 'top' : 'bottom'} ${dx < 0 ? 'left' : 'right'}` as const) : null
  // A cross may be a plus or an X; all shapes lean a little.
  const turn = between(-0.12, 0.12) + (shape === 'cross' && rand() < 0.2 ? Math.PI / 4 : 0)
  const look: Look = { shape, colour, x: size / 2 + dx, y: size / 2 + dy, half, turn, arm: between(0.22, 0.4) }
  const image = `images/${String(index + 1).padStart(6, '0')}.png`
  const caption = describe({ shape, colour, size: named, position }, rand)
  return { record: { image, caption, shape, colour, size: named, position }, pixels: paint(look, size, rand) }
}

/**
 * A caption of at most eight words. What is left out differs from picture to picture; size and place are named now and
 * then only, because they are easier to see than shape, and a contrastive loss that they satisfy teaches no shape.
 */
function describe(what: Pick<ShapeRecord, 'shape' | 'colour' | 'size' | 'position'>, rand: () => number): string {
  const hidden = rand()
  const colour = hidden < 0.05 ? '' : what.colour
  const shape = hidden >= 0.05 && hidden < 0.1 ? 'shape' : what.shape
  const size = what.size && rand() < 0.15 ? what.size : ''
  const place = what.position && rand() < 0.15 ? `at the ${what.position}` : ''
  const openings = place ? ['a', 'a', 'a', ''] : ['a', 'a', 'a', '', 'a photo of a', 'a picture of a']
  const opening = openings[Math.floor(rand() * openings.length)]
  return [opening, size, colour, shape, place].filter(Boolean).join(' ')
}

function paint(look: Look, size: number, rand: () => number): Uint8Array {
  const between = (low: number, high: number): number => low + (high - low) * rand()
  const [hue, saturation, value] = palette[look.colour].map(([low, high]) => between(low, high))
  const ink = hsv(hue, saturation, value)
  // The ground lies between black and mid-grey: flat, sloping, or grainy.
  const ground = rand() < 0.2 ? between(0, 8) : between(0, 128)
  const kind = rand()
  const slope = kind < 0.2 ? between(0, 128) - ground : 0
  const grain = kind > 0.8 ? between(2, 8) : 0
  const angle = between(0, 2 * Math.PI)
  const [gx, gy] = [Math.cos(angle) / size, Math.sin(angle) / size]
  const samples = rand() < 0.08 ? 1 : 4 // Some programs draw hard edges.
  const [cos, sin] = [Math.cos(look.turn) / look.half, Math.sin(look.turn) / look.half]
  const pixels = new Uint8Array(size * size * 3)
  for (let y = 0, at = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      let hits = 0
      if (Math.hypot(x + 0.5 - look.x, y + 0.5 - look.y) < 1.5 * look.half + 1) {
        for (let i = 0; i < samples * samples; i++) {
          const px = x + ((i % samples) + 0.5) / samples - look.x
          const py = y + (Math.floor(i / samples) + 0.5) / samples - look.y
          if (inside(look.shape, cos * px + sin * py, cos * py - sin * px, look.arm)) hits++
        }
      }
      const cover = hits / (samples * samples)
      const lit = (x - size / 2) * gx + (y - size / 2) * gy + 0.5
      const grey = Math.min(128, Math.max(0, ground + slope * lit + (grain ? between(-grain, grain) : 0)))
      for (const channel of ink) pixels[at++] = Math.round(grey + (channel - grey) * cover)
    }
  }
  return pixels
}

/** Whether (u, v) lies in the shape that fills the square from -1 to 1; v points down. */
function inside(shape: ShapeName, u: number, v: number, arm: number): boolean {
  const [across, along] = [Math.abs(u), Math.abs(v)]
  switch (shape) {
    case 'circle':
      return u * u + v * v <= 1
    case 'square':
      return Math.max(across, along) <= 0.95
    case 'triangle':
      return v <= 0.9 && across <= (v + 1) / 1.9
    case 'cross':
      return Math.max(across, along) <= 1 && Math.min(across, along) <= arm
  }
}

/** HSV (degrees, 0…1, 0…1) to RGB 0…255: the hexcone of Smith, "Color gamut transform pairs" (1978). */
function hsv(hue: number, saturation: number, value: number): number[] {
  return [5, 3, 1].map((n) => {
    const k = (n + (hue + 360) / 60) % 6
    return 255 * value * (1 - saturation * Math.max(0, Math.min(k, 4 - k, 1)))
  })
}

function shuffled(n: number, rand: () => number): number[] {
  const order = Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(rand() * (i + 1))
    ;[order[i], order[j]] = [order[j], order[i]]
  }
  return order
}

/** A stream of numbers in [0, 1) for (seed, stream): a Weyl sequence through the finaliser of MurmurHash3. */
function random(seed: number, stream: number): () => number {
  const mix = (x: number): number => {
    let h = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    return (h ^ (h >>> 16)) >>> 0
  }
  let state = mix(mix(seed + 0x9e3779b9) ^ stream)
  return () => mix((state = (state + 0x9e3779b9) >>> 0)) / 2 ** 32
}
