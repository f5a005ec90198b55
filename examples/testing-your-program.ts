// Shows how to test a program of your own: runs the ten tests of `testing-your-program`, each an outage or a refusal
// that the program survives, in virtual time and without a broker. Ends by itself within seconds; fails if a test
// fails. Uses a broker in memory and ignores MQTT_URL. --forever runs the tests again whenever a file changes.
import * as Path from "node:path"
import { startVitest } from "vitest/node"
import { isForever } from "./support/example.ts"

const source = Path.join(import.meta.dirname, "..", "src")

// In your own project this is `npx vitest run`.
await startVitest("test", [], {
  root: Path.join(import.meta.dirname, "testing-your-program"),
  config: false,
  watch: isForever,
  reporters: ["verbose"]
}, {
  cacheDir: Path.join(import.meta.dirname, "..", "node_modules", ".vite"),
  resolve: {
    alias: [
      { find: /^effect-mqtt$/, replacement: Path.join(source, "index.ts") },
      { find: /^effect-mqtt\/(.+)$/, replacement: Path.join(source, "$1", "index.ts") }
    ]
  }
})
