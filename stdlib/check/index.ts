export { type CheckResult, check, type Finding } from './check.js'
export { explain, type Rule, type RuleId, rules } from './rules.js'
