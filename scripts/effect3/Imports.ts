/**
 * The imports that a module turns out to need.
 *
 * @since 0.2.0
 */
import type { Binding } from "./syntax.ts"

/** Packages first. */
const inOrder = (one: string, other: string): number => {
  const [isOneLocal, isOtherLocal] = [one.startsWith("."), other.startsWith(".")]
  if (isOneLocal !== isOtherLocal) return isOneLocal ? 1 : -1
  return one < other ? -1 : 1
}

/**
 * All of them import types.
 *
 * @since 0.2.0
 * @category models
 */
export class Imports {
  readonly #lines = new Map<string, Set<string>>()

  add({ from, imported, local }: Binding): void {
    const names = this.#lines.get(from) ?? new Set()
    this.#lines.set(from, names)
    names.add(imported === undefined ? `* as ${local}` : imported === local ? local : `${imported} as ${local}`)
  }

  get text(): string {
    return [...this.#lines].toSorted(([one], [other]) => inOrder(one, other)).flatMap(([from, names]) => {
      const [namespaces, named] = [[...names].filter(isNamespace), [...names].filter((name) => !isNamespace(name))]
      const clauses = named.length === 0 ? namespaces : [...namespaces, `{ ${named.toSorted().join(", ")} }`]
      return clauses.map((clause) => `import type ${clause} from ${JSON.stringify(from)};`)
    }).join("\n")
  }
}

const isNamespace = (clause: string): boolean => clause.startsWith("* as ")
