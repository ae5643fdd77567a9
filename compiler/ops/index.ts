/** Importing this registers every primitive. */
import './elementwise.js'
import './create.js'
import './views.js'
import './reduce.js'
import './contract.js'
import './patches.js'
import './reverse.js'
import './conv.js'
import './pool.js'
import './indexing.js'
import './composite.js'

export * from './op.js'
