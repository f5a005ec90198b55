import react from "@vitejs/plugin-react"
import { defineConfig } from "vite"

export default defineConfig({
  plugins: [react()],
  // Release candidates of @effect/atom-react look for the atoms where they were before Effect 4.0.
  resolve: { alias: [{ find: /^effect\/unstable\/reactivity/, replacement: "effect/reactivity" }] },
  // The page asks its own server for /mqtt.
  server: { proxy: { "/mqtt": { target: "ws://localhost:9001", ws: true } } }
})
