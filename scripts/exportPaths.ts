/**
 * The paths a user can import, as `exports` of `package.json` has them: an index of modules, or one module.
 *
 * @since 0.2.0
 */
import * as path from "node:path"
import manifest from "../package.json" with { type: "json" }

/**
 * @since 0.2.0
 * @category models
 */
export interface Target {
  readonly types: string
  readonly default: string
}

const targets: ReadonlyArray<readonly [subpath: string, target: Target]> = Object.entries(manifest.exports)
  .flatMap(([subpath, target]) => typeof target === "string" ? [] : [[subpath, target] as const])

/**
 * The paths of several modules each, such as `effect-mqtt/node`.
 *
 * @since 0.2.0
 * @category paths
 */
export const indexes: ReadonlyArray<{ readonly exportPath: string; readonly target: Target }> = targets
  .filter(([, target]) => path.posix.basename(target.default) === "index.js")
  .map(([subpath, target]) => ({ exportPath: path.posix.join(manifest.name, subpath), target }))

/**
 * The file of `dist` that a path such as `./node/NodeMqtt` leads to; nothing if it cannot be imported.
 *
 * @since 0.2.0
 * @category paths
 */
export const resolve = (subpath: string): string | undefined => {
  for (const [key, target] of targets) {
    if (key === subpath) return target.default
    const [start, end] = key.split("*")
    if (end === undefined || !subpath.startsWith(start) || !subpath.endsWith(end)) continue
    return target.default.replace("*", subpath.slice(start.length, subpath.length - end.length))
  }
  return undefined
}

/**
 * The path of one module: of `NodeMqtt` in `effect-mqtt/node` it is `effect-mqtt/node/NodeMqtt`.
 *
 * @since 0.2.0
 * @category paths
 */
export const ofModule = ({ exportPath, name }: { readonly exportPath: string; readonly name: string }): string =>
  path.posix.join(exportPath, name)
