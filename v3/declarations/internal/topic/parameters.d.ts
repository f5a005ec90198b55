/**
 * Parameters of a template, with schemas of Effect 3.
 */
import type * as Schema from "effect/Schema"

/**
 * A schema for one level: its encoded side is text, and it needs no services.
 *
 * @since 0.1.0
 * @category models
 */
export type LevelSchema = Schema.Schema.AnyNoContext & { readonly Encoded: string }

/**
 * A schema for several levels: its encoded side is an array of texts, and it needs no services.
 *
 * @since 0.1.0
 * @category models
 */
export type LevelsSchema = Schema.Schema.AnyNoContext & { readonly Encoded: ReadonlyArray<string> }
