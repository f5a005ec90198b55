/// <reference types="vite/client" />
/** The default theme in the fonts of the reader's system, with a few rules of our own, and the playground. */
import { defineClientComponent, type Theme } from "vitepress"
import theme from "vitepress/theme-without-fonts"
import "./style.css"

export default {
  extends: theme,
  enhanceApp: ({ app }) => {
    // Only its page loads it, and only in a browser.
    app.component("Playground", defineClientComponent(() => import("../../playground/Playground.vue")))
  }
} satisfies Theme
