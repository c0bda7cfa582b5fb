// Renders formulas with KaTeX, MathJax and Temml: a JSON list of sources on stdin, a JSON object on stdout
// that maps each engine to a list of {ok, mathml} or {ok, error}.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import katex from "katex";
import temml from "temml";
import { mathjax } from "@mathjax/src/js/mathjax.js";
import { TeX } from "@mathjax/src/js/input/tex.js";
import { SerializedMmlVisitor } from "@mathjax/src/js/core/MmlTree/SerializedMmlVisitor.js";
import { STATE } from "@mathjax/src/js/core/MathItem.js";
import { liteAdaptor } from "@mathjax/src/js/adaptors/liteAdaptor.js";
import { RegisterHTMLHandler } from "@mathjax/src/js/handlers/html.js";
import "@mathjax/src/js/input/tex/base/BaseConfiguration.js";
import "@mathjax/src/js/input/tex/ams/AmsConfiguration.js";
import "@mathjax/src/js/input/tex/boldsymbol/BoldsymbolConfiguration.js";
import "@mathjax/src/js/input/tex/color/ColorConfiguration.js";
import "@mathjax/src/js/input/tex/cancel/CancelConfiguration.js";
import "@mathjax/src/js/input/tex/extpfeil/ExtpfeilConfiguration.js";
import "@mathjax/src/js/input/tex/html/HtmlConfiguration.js";
import "@mathjax/src/js/input/tex/mathtools/MathtoolsConfiguration.js";
import "@mathjax/src/js/input/tex/mhchem/MhchemConfiguration.js";
import "@mathjax/src/js/input/tex/newcommand/NewcommandConfiguration.js";
import "@mathjax/src/js/input/tex/unicode/UnicodeConfiguration.js";
import "@mathjax/src/js/input/tex/upgreek/UpgreekConfiguration.js";
import "@mathjax/src/js/input/tex/textmacros/TextMacrosConfiguration.js";

// Macros such as \message print; the standard output holds the result alone.
console.log = console.error;

const packages = [
  "base", "ams", "boldsymbol", "color", "cancel", "extpfeil", "html", "mathtools", "mhchem", "newcommand",
  "unicode", "upgreek", "textmacros",
];
RegisterHTMLHandler(liteAdaptor());

function withMathJax(tex) {
  // A document of its own keeps definitions inside one formula.
  const input = new TeX({ packages, formatError: (_, error) => { throw error; } });
  const document = mathjax.document("", { InputJax: input });
  const tree = document.convert(tex, { display: true, end: STATE.CONVERT });
  return new SerializedMmlVisitor().visitTree(tree);
}

const engines = {
  katex: (tex) => katex.renderToString(tex, {
    displayMode: true, output: "mathml", strict: false, throwOnError: true, trust: true,
  }),
  mathjax: withMathJax,
  temml: (tex) => temml.renderToString(tex, { displayMode: true, throwOnError: true, trust: true }),
};

function judge(engine, tex) {
  try {
    return { ok: true, mathml: engine(tex) };
  } catch (error) {
    return { ok: false, error: String(error.message ?? error) };
  }
}

const sources = JSON.parse(readFileSync(0, "utf8"));
const require = createRequire(import.meta.url);
const version = (name) => JSON.parse(readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url))).version;
const results = Object.fromEntries(
  Object.entries(engines).map(([name, engine]) => [name, sources.map((tex) => judge(engine, tex))]),
);
results.versions = { katex: version("katex"), mathjax: version("@mathjax/src"), temml: version("temml") };
process.stdout.write(JSON.stringify(results));
