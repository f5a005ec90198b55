/**
 * Checks the package for Effect 3: writes what is generated, and type-checks `engine`, the sources and the tests of `v3`,
 * the type test, and the types that users see, these with all that they import.
 *
 * usage: node scripts/effect3/check.ts
 *
 * @since 0.2.0
 */
import { spawn } from "node:child_process"
import * as path from "node:path"
import { repository } from "../files.ts"
import * as Declarations from "./declarations.ts"
import { port } from "./port.ts"

/** `v3/test/types` has in it all but the types alone. */
const projects = ["v3/test/types", "v3/tsconfig.types.json"]

/** Whether the compiler has nothing to say of a project. */
const isSound = (project: string): Promise<boolean> =>
  new Promise((resolve) => {
    const compiler = path.join(repository, "node_modules", "typescript", "bin", "tsc")
    const options = [compiler, "--noEmit", "--project", path.join(repository, project)]
    spawn(process.execPath, options, { stdio: "inherit", cwd: repository }).on("close", (code) => resolve(code === 0))
  })

const started = performance.now()
port()
Declarations.write()
const sound = await Promise.all(projects.map(isSound))
console.log(`effect3: ${projects.join(", ")}: ${((performance.now() - started) / 1000).toFixed(1)} s`)
process.exitCode = sound.includes(false) ? 1 : 0
