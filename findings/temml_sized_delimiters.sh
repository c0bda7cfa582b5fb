#!/usr/bin/env bash
# Temml 0.13.5 refuses a sized opening delimiter whose partner has no size, which TeX, KaTeX and MathJax accept:
# \big(x), \bigl(x)^2 and \big\langle x\rangle raise "Invalid delimiter 'undefined'", although \big is a command of
# one delimiter and nothing in LaTeX pairs it. With bars (\big|x|), or where both are sized, it draws.
# KaTeX 0.19.1 draws all of them, but writes \ncong as U+2246 (approximately but not actually equal);
# U+2247 is the negation of \cong.
# Exits with 1 if the behaviour has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund temml@0.13.5 katex@0.19.1
node - <<'PROGRAM'
const engines = { temml: require("temml"), katex: require("katex") };
const drawn = (engine, tex) => {
  try {
    engines[engine].renderToString(tex, { throwOnError: true });
    return true;
  } catch (error) {
    return false;
  }
};
const expected = [
  [String.raw`\big(x)`, false], [String.raw`\bigl(x)^2`, false], [String.raw`\big\langle x\rangle`, false],
  [String.raw`\big|x|`, true], [String.raw`\big(x\big)`, true], [String.raw`\left(x\right)`, true],
];
let changed = false;
for (const [tex, byTemml] of expected) {
  const seen = [drawn("temml", tex), drawn("katex", tex)];
  console.log(`${tex}: temml ${seen[0] ? "draws" : "refuses"}, katex ${seen[1] ? "draws" : "refuses"}`);
  changed ||= seen[0] !== byTemml || !seen[1];
}
const mathml = engines.katex.renderToString(String.raw`a\ncong b`, { output: "mathml" });
const sign = mathml.match(/<mo[^>]*>([^<]*)<\/mo>/)[1].codePointAt(0).toString(16);
console.log(`katex \\ncong: U+${sign}`);
process.exit(changed || sign !== "2246" ? 1 : 0);
PROGRAM
