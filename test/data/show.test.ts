import sharp from 'sharp'
import { describe, expect, test, vi } from 'vitest'
import { brief, duration, lossCurve, lossCurvePng, progress, table } from '../../stdlib/show/index.js'

const points = Array.from({ length: 5000 }, (_, i) => ({ step: i, loss: 4 * Math.exp(-i / 500) + (i % 2) * 0.1 }))

describe('a loss curve', () => {
  test('is small SVG with a title, ticks and the last loss', () => {
    const svg = lossCurve(points, { title: 'a < b & c' })
    expect(svg).toContain('>a &lt; b &amp; c</text>')
    expect(svg).toContain('>4000</text>')
    expect(svg).toContain('last 0.05')
    expect(svg).not.toContain('NaN')
    expect(svg.length).toBeLessThan(100_000)
  })

  test('leaves out what is not finite, and draws a single point', () => {
    const svg = lossCurve(
      [
        { step: 7, loss: 0 },
        { step: 8, loss: Number.NaN },
      ],
      { title: 't' },
    )
    expect(svg).not.toContain('NaN')
    expect(() => lossCurve([{ step: 8, loss: Number.NaN }], { title: 't' })).toThrow(/got 1 points, none finite/)
  })

  test('becomes a PNG', async () => {
    const png = await lossCurvePng(points.slice(0, 50), { title: 't' })
    expect(await sharp(png).metadata()).toMatchObject({ format: 'png', width: 1600, height: 900 })
  })
})

describe('progress', () => {
  const collect = (isTTY: boolean) => {
    const written: string[] = []
    return { written, stream: { isTTY, write: (text: string) => written.push(text) } }
  }

  test('writes over one line on a terminal', () => {
    const { written, stream } = collect(true)
    const show = progress({ total: 10, stream })
    show.update({ step: 1, loss: 4.1591, lr: 1e-4, images: 64 })
    show.update({ step: 2, loss: 4, lr: 1e-4, images: 64 })
    show.done()
    expect(written[0]).toMatch(/^\rstep 1\/10 {2}loss 4\.159 {2}lr 1e-4 {2}\S+ images\/s/)
    expect(written[0]).not.toContain('left')
    expect(written[0].endsWith('\x1b[K')).toBe(true)
    expect(written.at(-2)).toContain('step 2/10')
    expect(written.at(-1)).toBe('\n')
  })

  test('tells the time left by the pace of groups after the first, which warms up', () => {
    const { written, stream } = collect(false)
    let now = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now)
    const show = progress({ total: 1000, stream })
    // Eight steps at a time: the first eight take a minute, those after it a second each.
    for (let group = 0; group < 4; group++) {
      now += group === 0 ? 60_000 : 8000
      for (let i = 1; i <= 8; i++) show.update({ step: group * 8 + i })
    }
    clock.mockRestore()
    expect(written.map((line) => line.trim())).toEqual([
      'step 1/1000',
      'step 9/1000',
      'step 17/1000  16 min 23 s left',
      'step 25/1000  16 min 15 s left',
    ])
  })

  test('tells the time left of steps that are never apart', () => {
    const { written, stream } = collect(true)
    let now = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now)
    const show = progress({ total: 10_000, stream })
    for (let step = 1; step <= 3000; step++) {
      now += 2
      show.update({ step })
    }
    clock.mockRestore()
    expect(written[0]).not.toContain('left')
    expect(written.at(-1)).toMatch(/ 14 s left/)
  })

  test('writes few lines elsewhere, the last one among them', () => {
    const { written, stream } = collect(false)
    const show = progress({ total: 100, stream })
    for (let step = 1; step <= 100; step++) show.update({ step, loss: 1 / step })
    show.done()
    expect(written).toHaveLength(2)
    expect(written[1]).toMatch(/^step 100\/100 {2}loss 0\.01 {2}0 s in all\n$/)
  })
})

test('tables line up', () => {
  expect(
    table([
      ['model', 'accuracy'],
      ['clip', 0.63],
      ['llava', 12],
    ]),
  ).toBe('model  accuracy\n─────  ────────\nclip       0.63\nllava        12')
  expect(table([])).toBe('')
})

test('numbers and times are brief', () => {
  expect([0, 0.0123456, 1234.5678, 1e-4, 2.5e7, -1e-9, Number.NaN].map(brief)).toEqual([
    '0',
    '0.01235',
    '1235',
    '1e-4',
    '2.5e+7',
    '-1e-9',
    'NaN',
  ])
  expect([0.4, 59.6, 200, 7500].map(duration)).toEqual(['0 s', '1 min 0 s', '3 min 20 s', '2 h 5 min'])
})
