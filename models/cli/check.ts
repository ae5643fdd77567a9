import { Argument, Command, Option } from 'commander'
import { FoveaError } from '../../index.js'
import type { CheckResult, Finding } from '../../stdlib/check/index.js'
import { explain, type RuleId, rules } from '../../stdlib/check/rules.js'
import { Ended, exit } from './report.js'

const ruleIds = Object.keys(rules) as RuleId[]

export const checkCommand = (): Command => {
  const command = new Command('check')
    .description('Reads sources, and finds what functions that are traced (given to jit, grad, …) must not do.')
    .addArgument(new Argument('[paths...]', 'TypeScript or JavaScript files, and folders of them'))
    .option('--json', 'print one JSON object', false)
    .addOption(new Option('--explain <rule>', 'say why a rule is, with an example').choices(ruleIds))
    .addHelpText(
      'after',
      `
Each finding is a line 'file:line:column: severity rule: message; what to do'.
Exit status: 0 if nothing is found, 1 if something is, 2 if the command line is wrong.
A comment '// fovea-ignore RULE' on the line, or on the line before, allows it there.

Rules:
${ruleIds.map((id) => `  ${id.padEnd(22)} ${rules[id].severity.padEnd(8)} ${rules[id].help}`).join('\n')}

Example:
  fovea check src models/mine.ts`,
    )
    .action(async (paths: string[], options: { json: boolean; explain?: RuleId }) => {
      if (options.explain) {
        process.stdout.write(`${explain(options.explain)}\n`)
        return
      }
      if (!paths.length) command.error('error: expected files or folders to check')
      const { check } = await import('../../stdlib/check/index.js')
      const began = performance.now()
      const result = await check(paths, showProgress).catch((err) => {
        // A path that isn't there is an error of the command line.
        if (err instanceof FoveaError && err.code === 'input') command.error(`error: ${err.message}`)
        throw err
      })
      if (options.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
      else {
        for (const finding of result.findings) process.stdout.write(`${line(finding)}\n`)
        process.stderr.write(`${summary(result, (performance.now() - began) / 1000)}\n`)
      }
      if (result.findings.length) throw new Ended(exit.error)
    })
  return command
}

const line = ({ file, line, column, severity, rule, message, help }: Finding): string =>
  `${file}:${line}:${column}: ${severity} ${rule}: ${message}; ${help}`

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`

function summary({ files, functions, findings }: CheckResult, seconds: number): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length
  const found = `${count(errors, 'error')}, ${count(findings.length - errors, 'warning')}`
  const more = findings.length ? '; fovea check --explain RULE says more' : ''
  return `${found} in ${count(files, 'file')} (${count(functions, 'traced function')}, ${seconds.toFixed(1)} s)${more}`
}

/** A line that is written over, on a terminal, where there are files enough to wait for. */
function showProgress(done: number, of: number): void {
  if (!process.stderr.isTTY || of < 20) return
  process.stderr.write(done < of ? `\r${done} of ${of} files\x1b[K` : '\r\x1b[K')
}
