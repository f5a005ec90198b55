import react from "@vitejs/plugin-react"
import { defineConfig } from "vite"

export default defineConfig({
  plugins: [react()],
  // Release candidates of @effect/atom-react import the atoms from their place before Effect 4.0.
  resolve: { alias: [{ find: /^effect\/unstable\/reactivity/, replacement: "effect/reactivity" }] },
  // The page connects to /mqtt on its own server.
  server: { proxy: { "/mqtt": { target: "ws://localhost:9001", ws: true } } }
})
