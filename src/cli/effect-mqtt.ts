#!/usr/bin/env node
/**
 * The program `effect-mqtt`: has Node keep the compiled code for the next start, and runs it.
 *
 * It imports nothing else first: Node keeps only modules that are loaded later, and a Node that is too old must still
 * print the error.
 *
 * @since 0.1.0
 */
import * as Module from "node:module"

const [major] = process.versions.node.split(".")

if (Number(major) < 22) {
  process.stderr.write(`effect-mqtt: needs Node 22.19 or newer, and this is ${process.versions.node}\n`)
  process.exitCode = 1
} else {
  Module.enableCompileCache()
  void import("./main.ts").then(({ runMain }) => runMain())
}
