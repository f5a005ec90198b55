import { defineConfig } from "vitest/config"
import config, { pages } from "./vitest.config.ts"

/** Pages in Chromium and in Firefox. `MQTT_ROUNDS` says how often each is tried. */
export default defineConfig({ ...config, test: { ...config.test, include: [pages], exclude: [] } })
