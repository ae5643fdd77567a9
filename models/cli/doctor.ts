import { Command } from 'commander'
import { showBytes } from '../../runtime/bytes.js'
import type { DoctorReport } from '../../runtime/doctor.js'
import { Ended, exit } from './report.js'

export const doctorCommand = (): Command =>
  new Command('doctor')
    .description('Shows the devices of this machine, which one programs run on, and what to install for a better one.')
    .option('--json', 'print one JSON object', false)
    .addHelpText('after', '\nExit status: 0 if there is a device to run on, else 1.\n\nExample:\n  fovea doctor')
    .action(async ({ json }: { json: boolean }) => {
      const { inspect } = await import('../../runtime/doctor.js')
      const report = await inspect()
      process.stdout.write(`${json ? JSON.stringify(report, null, 2) : readable(report)}\n`)
      if (!report.chosen) throw new Ended(exit.error)
    })

function readable({ platform, runtime, wanted, candidates, chosen, advice, cache }: DoctorReport): string {
  const sections = [`${platform}, ${runtime}${wanted ? `, FOVEA_DEVICE=${wanted}` : ''}`]
  sections.push(
    `devices\n${candidates.map(({ name, found, detail }) => `  ${found ? '✓' : '✗'} ${name.padEnd(12)} ${detail}`).join('\n')}`,
  )
  if (chosen) {
    const { description, kind, vendor, architecture, backend, limits, features } = chosen
    const rows = [
      ['vendor', [vendor, architecture].filter(Boolean).join(', ')],
      ['backend', backend],
      ['features', features.join(', ') || 'none'],
      ...Object.entries(limits).map(([name, value]) => [name, String(value)]),
    ]
    const width = Math.max(...rows.map(([name]) => name.length))
    const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)
    sections.push(`programs run on ${description} (${kind})\n${lines.join('\n')}`)
  } else sections.push('there is no device that programs can run on')
  sections.push(
    cache
      ? `compiled programs are kept in ${cache.folder}\n  ${cache.entries} of them, ${showBytes(cache.bytes)}`
      : 'compiled programs are not kept',
  )
  if (advice.length > 0)
    sections.push(`advice\n${advice.map((line) => `  ${line.replaceAll('\n', '\n  ')}`).join('\n')}`)
  return sections.join('\n\n')
}
