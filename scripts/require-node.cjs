/*
 * Stops a script with one sentence when the Node that runs it is too old for this repository.
 *
 * The first thing every npm script does, alone (`node scripts/require-node.cjs`) or preloaded
 * (`node -r ./scripts/require-node.cjs file.ts`). Not a `pre...` hook: npm leaves those out where
 * `ignore-scripts` is set, and that is when it is needed. It runs on any Node, so its syntax is old.
 */
"use strict"

var needed = /\d+(\.\d+)*/.exec(require("../package.json").engines.node)[0]

function isOlder(version, other) {
  var left = version.split(".")
  var right = other.split(".")
  for (var i = 0; i < right.length; i++) {
    if (Number(left[i]) !== Number(right[i])) return Number(left[i]) < Number(right[i])
  }
  return false
}

if (isOlder(process.versions.node, needed)) {
  console.error(
    "effect-mqtt needs Node " + needed + " or newer to run its scripts, but this is Node " + process.versions.node +
      " (" + process.execPath + "): run `npm ci` or `npm rebuild node` without --ignore-scripts, which puts a newer " +
      "Node into node_modules, or install Node >= " + needed + " yourself."
  )
  process.exit(1)
}
