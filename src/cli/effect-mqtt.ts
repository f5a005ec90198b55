#!/usr/bin/env node
/**
 * The program `effect-mqtt`: looks whether what it needs is installed, and runs it.
 *
 * Imports nothing before it has looked, to say plainly what is missing.
 *
 * @since 0.1.0
 */

const missing = (name: string): string =>
  `effect-mqtt: the command line needs "${name}", which is not installed here.\n` +
  "Install it next to effect-mqtt: npm install effect @effect/platform-node\n"

const main = async (): Promise<void> => {
  try {
    const { runMain } = await import("./main.ts")
    runMain()
  } catch (error) {
    const [, name] = /Cannot find package '((?:@[^/']+\/)?[^/']+)/.exec(error instanceof Error ? error.message : "") ??
      []
    if (name === undefined) throw error
    process.stderr.write(missing(name))
    process.exitCode = 1
  }
}

await main()
