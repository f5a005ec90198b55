/**
 * What a page loads, as `npm run bundle-size` has it.
 */
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import type { Assignment, SideName, Task, Values } from "../Benchmark.ts"

interface Size {
  readonly name: string
  readonly minified: number
  readonly gzipped: number
}

const programs: { readonly [_ in SideName]?: { readonly whole: string; readonly alone: string } } = {
  ours: { whole: "effect-mqtt and effect", alone: "effect-mqtt alone" },
  peer: { whole: "MQTT.js", alone: "MQTT.js" }
}

export const start = ({ side }: Assignment): Promise<Task> =>
  Promise.resolve({
    warmUp: () => Promise.resolve(),
    sample: (): Promise<Values> => {
      // The benchmark runs at the top of the repository.
      const script = join(process.cwd(), "scripts", "bundle-size.ts")
      const sizes: ReadonlyArray<Size> = JSON.parse(
        execFileSync(process.execPath, [script, "--json"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
      )
      const sizeOf = (wanted: string | undefined): Size => {
        const size = sizes.find(({ name }) => name === wanted)
        if (size === undefined) throw new Error(`bundle-size has no row ${wanted}`)
        return size
      }
      const whole = sizeOf(programs[side]?.whole)
      const alone = sizeOf(programs[side]?.alone)
      return Promise.resolve({
        gzipped: whole.gzipped / 1000,
        minified: whole.minified / 1000,
        "gzipped alone": alone.gzipped / 1000,
        "minified alone": alone.minified / 1000
      })
    },
    end: () => Promise.resolve(0)
  })
