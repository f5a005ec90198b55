/// <reference types="vite/client" />
/** The default theme in the fonts of the reader's system, with a few rules of our own. */
import theme from "vitepress/theme-without-fonts"
import "./style.css"

export default theme
