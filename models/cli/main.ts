#!/usr/bin/env node
import { program } from './program.js'
import { runProgram } from './report.js'

process.exitCode = await runProgram(program(), process.argv.slice(2))
