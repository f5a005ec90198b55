/**
 * mosquitto with a plugin of ours, `mosquitto-plugin.c`, which is built for each suite.
 */
import { layer as suiteWithLayer, type Vitest } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { execFileSync, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { type Requirement, suiteWith } from "../support/requirements.ts"
import type { Broker } from "./Broker.ts"
import * as Mosquitto from "./Mosquitto.ts"

const source = Path.join(import.meta.dirname, "mosquitto-plugin.c")

export const canBeBuilt = (): boolean => spawnSync("gcc", ["-fsyntax-only", source], { stdio: "ignore" }).status === 0

const requirement: Requirement = {
  name: "what a plugin for mosquitto is built with",
  packages: "mosquitto-dev libmosquitto-dev gcc libc6-dev",
  isInstalled: canBeBuilt
}

/** The folder with `plugin.so`. */
export const built = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-plugin-"))
    execFileSync("gcc", ["-shared", "-fPIC", "-O1", "-o", Path.join(folder, "plugin.so"), source])
    return folder
  }),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
)

const layer: Layer.Layer<Broker> = Layer.unwrap(
  Effect.map(built, (folder) =>
    Mosquitto.layer({
      configuration: ["allow_anonymous true", `plugin ${Path.join(folder, "plugin.so")}`]
    }))
)

/** Tests that share one. */
export const suite = (name: string, tests: (it: Vitest.MethodsNonLive<Broker>) => void): void => {
  suiteWith([Mosquitto.requirement, requirement], name, () => {
    suiteWithLayer(layer, { excludeTestServices: true })(tests)
  })
}
