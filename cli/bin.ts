#!/usr/bin/env node
/**
 * What the installed `countersign` is: starts the command line where this Node can run it. Any Node with
 * ES modules must parse this file and what it imports, so it imports the rest late.
 *
 * @packageDocumentation
 */
import { isSupportedNode, NODE_RANGE } from './node-range.ts'

if (isSupportedNode(process.version)) {
  void import('./main.ts')
} else {
  process.stderr.write(
    `error: countersign needs Node.js ${NODE_RANGE}, found ${process.version} at ${process.execPath}\n`,
  )
  process.exitCode = 2
}
