// Shows how a program of one's own is tested: runs the ten tests of `testing-your-program`, each an outage or a refusal
// that the program survives, in virtual time and without a broker. Ends by itself within seconds; fails when a test does.
// They bring a broker in memory, whatever MQTT_URL says. --forever runs them again whenever a file changes.
import * as Path from "node:path"
import { startVitest } from "vitest/node"
import { isForever } from "./support/example.ts"

const source = Path.join(import.meta.dirname, "..", "src")

// In a project of your own this is `npx vitest run`.
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
